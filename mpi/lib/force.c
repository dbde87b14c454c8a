/* Gravity: by the multipole method, or by the tree. */
#include <math.h>
#include <string.h>

#include "base/sum.h"
#include "lib/work.h"
#include "net/layer.h"
#include "net/multipole.h"

/* Largest extent of the places over all ranks and the total mass, as powers of two, so that scaling by them is exact. */
static int measure(const esp_comm *comm, const esp_cloud *cloud, int *length, int *mass) {
  double most[7] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 0};
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) {
      most[a] = fmax(most[a], cloud->x[i][a]);
      most[3 + a] = fmax(most[3 + a], -cloud->x[i][a]);
    }
    most[6] = fmax(most[6], cloud->m[i]);
  }
  ESP_CALL(comm->max_f64(comm, most, 7));
  double extent = 0;
  for (int a = 0; a < 3; a++) extent = fmax(extent, fmax(most[a] + most[3 + a], cloud->box[a]));
  *length = extent > 0 && isfinite(extent) ? ilogb(extent) : 0;
  *mass = most[6] > 0 ? ilogb(most[6]) : 0;
  return ESP_OK;
}

int esp_lib_multipole(const espalier *e, double softening, double G, const esp_fmm_bodies *bodies,
                      const unsigned char *active, const esp_fmm_result *to, espalier_stats *stats) {
  const esp_fmm_param param = esp_fmm_param_of(e->options.order, e->options.tolerance, softening);
  esp_fmm_cost cost;
  esp_cost own = {0};
  esp_fmm_result result = *to;
  result.cost = &cost;
  ESP_CALL(esp_fmm_force_of(e->comm, &param, bodies, active, &result));
  for (int i = 0; i < bodies->n; i++) {
    for (int c = 0; c < 3 && result.acceleration; c++) result.acceleration[i][c] *= G;
    if (result.potential) result.potential[i] *= G;
  }
  esp_multipole_count(&cost, &own);
  esp_lib_stats(&own, stats);
  return ESP_OK;
}

static int multipole_force(const espalier *e, esp_cloud *cloud, const unsigned char *active, double (*a)[3],
                           double *potential, espalier_stats *stats) {
  const esp_fmm_bodies bodies = {
      .n = cloud->n_home, .position = (const double(*)[3])cloud->x, .mass = cloud->m, .id = cloud->id};
  const esp_fmm_result result = {.acceleration = a, .potential = potential};
  ESP_CALL(esp_lib_multipole(e, cloud->eps, cloud->G, &bodies, active, &result, stats));
  return ESP_OK;
}

static int layer_force(const espalier *e, esp_cloud *cloud, const unsigned char *active, double (*a)[3],
                       double *potential, espalier_stats *stats) {
  int rc = ESP_OK;
  (void)active; /* all are computed */
  if (potential && cloud->n_home)
    rc = ESP_FAIL(ESP_ERR_CONFIG,
                  "a potential over all pairs or in a periodic box is not known: open space and "
                  "options.theta >= 0 are needed");
  ESP_CALL(e->comm->agree(e->comm, rc));
  int length, mass;
  ESP_CALL(measure(e->comm, cloud, &length, &mass));
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->m[i] = ldexp(cloud->m[i], -mass);
    for (int c = 0; c < 3; c++) cloud->x[i][c] = ldexp(cloud->x[i][c], -length);
  }
  esp_layer_param param = {.form = {.message = &esp_message_newton, .dim = 3, .softening = ldexp(cloud->eps, -length)}};
  const espalier_options *o = &e->options;
  param.domain = (esp_domain_param){.leaf = o->leaf, .block = o->block, .dim = 3};
  param.domain.lists.theta = o->theta;
  param.domain.lists.pairs_limit = o->theta > 0 ? o->pairs_limit : 0;
  for (int c = 0; c < 3; c++) param.form.period[c] = ldexp(cloud->box[c], -length);
  esp_form_wrap(&param.form, cloud->n_home, (double *)cloud->x);
  const esp_layer_input input = {.id = cloud->id, .key = (const double *)cloud->x, .value = cloud->m};
  esp_backend backend = esp_lib_backend(e, e->force);
  esp_layer layer;
  esp_cost own = {0};
  ESP_CALL(esp_layer_forward(&backend, &param, cloud->n_home, &input, NULL, (double *)a, &layer));
  for (int i = 0; i < cloud->n_home; i++)
    for (int c = 0; c < 3; c++) a[i][c] = cloud->G * ldexp(a[i][c], mass - 2 * length);
  esp_layer_count(&layer, &own);
  esp_lib_stats(&own, stats);
  esp_layer_free(&layer);
  return ESP_OK;
}

/* Results, and who wants them, one behind the other. */
typedef struct {
  double (*a)[3], *potential;
  unsigned char *active; /* NULL: all */
} outcome;

static int outcome_make(const espalier_particles *p, int acceleration, int potential, outcome *o) {
  *o = (outcome){.a = NULL};
  if (acceleration) ESP_CALL(ESP_ALLOC(o->a, p->n));
  if (potential) ESP_CALL(ESP_ALLOC(o->potential, p->n));
  if (p->active) ESP_CALL(ESP_ALLOC(o->active, p->n));
  for (int i = 0; i < p->n && p->active; i++)
    o->active[i] = *(const unsigned char *)esp_lib_at(p->active, p->stride.active, 1, i);
  return ESP_OK;
}

static void outcome_free(outcome *o) {
  ESP_FREE(o->a);
  ESP_FREE(o->potential);
  ESP_FREE(o->active);
}

int espalier_gravity(espalier *e, const espalier_particles *p, double (*acceleration)[3], double *potential,
                     espalier_stats *stats) {
  esp_error_clear();
  double start = esp_wall();
  espalier_stats own = {0};
  esp_cloud cloud = {0};
  outcome o = {.a = NULL};
  int rc;
  ESP_CALL(esp_lib_make_cloud(e, p, 0, acceleration || potential, 0, &cloud));
  int (*const force)(const espalier *, esp_cloud *, const unsigned char *, double(*)[3], double *, espalier_stats *) =
      esp_lib_by_multipoles(e, &cloud) ? multipole_force : layer_force;
  ESP_TRY(e->comm->agree(e->comm, outcome_make(p, acceleration != NULL, potential != NULL, &o)));
  if (cloud.n) ESP_TRY(force(e, &cloud, o.active, o.a, o.potential, &own));
  for (int i = 0; i < cloud.n_home; i++) {
    if (o.active && !o.active[i]) continue;
    if (acceleration) esp_lib_put(acceleration, p->stride.vector, i, o.a[i], 3);
    if (potential) esp_lib_put(potential, p->stride.number, i, o.potential + i, 1);
  }
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
done:
  outcome_free(&o);
  esp_cloud_free(&cloud);
  return rc;
}

int espalier_force(espalier *e, const espalier_particles *p, double (*acceleration)[3], espalier_stats *stats) {
  return espalier_gravity(e, p, acceleration, NULL, stats);
}

static int add_up(const espalier *e, const esp_cloud *cloud, const double *potential, espalier_sums *sums) {
  enum { MASS, KINETIC, POTENTIAL, MOMENTUM, ALL = MOMENTUM + 3 };
  esp_sum sum = {0};
  double value[ALL];
  for (int i = 0; i < cloud->n_home; i++) {
    const double *v = cloud->v[i], m = cloud->m[i];
    esp_sum_add(&sum, MASS, m);
    esp_sum_add(&sum, KINETIC, 0.5 * m * ((v[0] * v[0] + v[1] * v[1]) + v[2] * v[2]));
    esp_sum_add(&sum, POTENTIAL, 0.5 * m * potential[i]);
    for (int c = 0; c < 3; c++) esp_sum_add(&sum, MOMENTUM + c, m * v[c]);
  }
  ESP_CALL(esp_sum_end(e->comm, &sum, ALL, value));
  *sums = (espalier_sums){value[MASS], value[KINETIC], value[POTENTIAL], {value[3], value[4], value[5]}};
  return ESP_OK;
}

int espalier_energy(espalier *e, const espalier_particles *p, espalier_sums *sums, espalier_stats *stats) {
  esp_error_clear();
  double start = esp_wall(), *potential = NULL;
  espalier_stats own = {0};
  esp_cloud cloud = {0};
  int rc;
  ESP_CALL(esp_lib_make_cloud(e, p, 1, sums != NULL, 0, &cloud));
  ESP_TRY(e->comm->agree(e->comm, sums ? ESP_ALLOC(potential, cloud.n_home)
                                       : ESP_FAIL(ESP_ERR_ARG, "espalier_energy: no place for the sums")));
  if (cloud.n)
    ESP_TRY((esp_lib_by_multipoles(e, &cloud) ? multipole_force : layer_force)(e, &cloud, NULL, NULL, potential, &own));
  ESP_TRY(add_up(e, &cloud, potential, sums));
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
done:
  ESP_FREE(potential);
  esp_cloud_free(&cloud);
  return rc;
}
