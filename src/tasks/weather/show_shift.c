/* Where networks listen: see show.h. */
#include <math.h>
#include <string.h>

#include "base/sum.h"
#include "message/gate.h"
#include "net/layer.h"
#include "tasks/weather/show.h"
#include "tasks/weather/sphere.h"

enum { SAID = 3, ORDER = 2 }; /* places are said */

typedef struct {
  double *said, *heard; /* [n_home][SAID], [n_home][SAID + 1] */
} rows;

static int hear(const esp_weather_shift *w, esp_domain *dom, const double *key, const double *query, rows *r) {
  const esp_form form = {
      .message = &esp_message_gate, .dim = dom->tree.dim, .channels = SAID, .den = 1, .order = ORDER};
  const size_t n = (size_t)w->set->n_home;
  const double width = log(dom->param.lists.rule_number);
  int rc = ESP_ALLOC(r->said, n * SAID);
  if (!rc) rc = ESP_ALLOC(r->heard, n * (SAID + 1));
  ESP_AGREE(w->backend->comm, rc);
  for (size_t i = 0; i < n; i++)
    memcpy(r->said + i * SAID, w->set->value[ESP_WEATHER_PLACE] + 3 * i, SAID * sizeof(double));
  const esp_layer_input input = {.id = w->set->id, .key = key, .query = query, .value = r->said};
  return esp_layer_hear(w->backend, dom, &form, w->set->n_home, &input, &width, r->heard);
}

/* c of the layer is added to that of the layers before; against the wind, in hours of it. */
static int add_up(esp_weather_shift *w, const double *heard, double *hours) {
  const double hour = 3600 * ESP_WEATHER_UNIT_WIND / ESP_EARTH_RADIUS;
  esp_sum sum = {0};
  double value[2];
  for (int i = 0; i < w->set->n_home; i++) {
    const double *x = w->set->value[ESP_WEATHER_PLACE] + 3 * i, *row = heard + (size_t)i * (SAID + 1);
    double c[3] = {0}, wind[3];
    for (int a = 0; a < 3; a++) {
      if (row[SAID] > 0) c[a] = row[a] / row[SAID] - x[a];
      wind[a] = hour * w->set->value[ESP_WEATHER_WIND][3 * i + a];
      w->c[3 * i + a] += c[a];
    }
    esp_sum_add(&sum, 0, esp_dot3(c, wind));
    esp_sum_add(&sum, 1, esp_dot3(wind, wind));
  }
  ESP_CALL(esp_sum_end(w->backend->comm, &sum, 2, value));
  *hours = value[1] > 0 ? -value[0] / value[1] : 0;
  return ESP_OK;
}

static int visit_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  esp_weather_shift *w = context;
  rows r = {0};
  int rc = ESP_OK;
  if (l == 0) {
    w->all = 0;
    memset(w->c, 0, 3 * (size_t)w->set->n_home * sizeof *w->c);
  }
  double hours = NAN;
  if (dom->param.lists.rule && w->set->width[ESP_WEATHER_WIND]) { /* its number: the width of the gates */
    ESP_TRY(hear(w, dom, key, query, &r));
    ESP_TRY(add_up(w, r.heard, &hours));
  }
  w->all += hours;
  if (l < ESP_WEATHER_SHIFTS) w->layer[l] = hours, w->layers = l + 1;
done:
  ESP_FREE(r.said);
  ESP_FREE(r.heard);
  return rc;
}

int esp_weather_shift_begin(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit,
                            double **value) {
  esp_weather_shift *w;
  (void)param;
  int rc = ESP_ALLOC(w, 1);
  *visit = (esp_visit){.layer = visit_layer, .context = w};
  if (!rc) {
    *w = (esp_weather_shift){.backend = backend, .set = set, .all = NAN};
    *value = &w->all;
    rc = ESP_ALLOC(w->c, 3 * (size_t)set->n_home);
  }
  rc = backend->comm->agree(backend->comm, rc);
  if (rc) esp_weather_shift_end(visit);
  return rc;
}

void esp_weather_shift_end(esp_visit *visit) {
  esp_weather_shift *w = visit->context;
  if (w) ESP_FREE(w->c);
  ESP_FREE(visit->context);
}

/* ---- for the report ---- */

int esp_weather_tell_shift(const void *param, const esp_model *trained, const esp_backend *backend, const esp_set *set,
                           esp_show *show, double *c, int *known) {
  const esp_comm *comm = backend->comm;
  double *y = NULL, *value;
  esp_visit visit;
  char name[32];
  ESP_CALL(esp_weather_shift_begin(param, backend, set, &visit, &value));
  const esp_weather_shift *w = visit.context;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(y, (size_t)set->n_home * (size_t)trained->sizes.width[ESP_TARGET])));
  ESP_TRY(esp_model_predict(trained, backend, set, &visit, y, NULL));
  *known = !isnan(w->all);
  memcpy(c, w->c, 3 * (size_t)set->n_home * sizeof *c);
  if (!*known) goto done;
  for (int l = 0; l < w->layers; l++) {
    snprintf(name, sizeof name, "learned_shift_%d", l);
    show->number(show, name, w->layer[l]);
  }
  show->number(show, "learned_shift", w->all);
done:
  ESP_FREE(y);
  esp_weather_shift_end(&visit);
  return rc;
}
