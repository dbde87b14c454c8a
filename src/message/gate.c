#include "message/gate.h"

#include <math.h>

#include "base/set.h"
#include "message/pairs/own.h"

/* ---- cells ---- */

esp_gate_cells_form esp_gate_cells_form_of(const esp_form *f) {
  return (esp_gate_cells_form){.dim = f->dim,
                               .channels = f->channels,
                               .heard = f->channels + (f->den ? 1 : 0),
                               .order = f->order,
                               .moments = esp_moments_count(f->dim, f->order),
                               .unit = f->unit};
}
/* Channels with moments. */
static int heard(const esp_form *f) {
  return f->channels + (f->den ? 1 : 0);
}
static int cell_width(const esp_form *f) {
  return f->dim + 1 + heard(f) * esp_moments_count(f->dim, f->order);
}

static void leaf(const esp_form *f, int count, const double *source, double *cell) {
  const esp_gate_cells_form form = esp_gate_cells_form_of(f);
  esp_gate_cells_leaf(&form, 0, form.heard, count, source, cell);
}

static void join(const esp_form *f, double n1, const double *c1, double n2, const double *c2, double *cell) {
  const esp_gate_cells_form form = esp_gate_cells_form_of(f);
  esp_gate_cells_join(&form, 0, form.heard, n1, c1, n2, c2, cell);
}

static void close_cell(const esp_form *f, const double *cell, double *adjoint) {
  const esp_gate_cells_form form = esp_gate_cells_form_of(f);
  esp_gate_cells_close(&form, cell, adjoint);
}

static void pass(const esp_form *f, const double *cell, const double *adjoint, const double *child, double *to) {
  const esp_gate_cells_form form = esp_gate_cells_form_of(f);
  esp_gate_cells_pass(&form, 0, form.heard, cell, adjoint, child, to);
}

static void pull(const esp_form *f, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  const esp_gate_cells_form form = esp_gate_cells_form_of(f);
  const size_t width = (size_t)(f->dim + f->channels);
  for (size_t j = 0; j < (size_t)count; j++)
    esp_gate_cells_pull(&form, cell, adjoint, source + j * width, dsource + j * width);
}

const esp_cell_algebra esp_gate_cells = {.leaf = leaf, .join = join, .close = close_cell, .pass = pass, .pull = pull};

/* ---- the form ---- */

int esp_gate_check(const esp_form *f, const double *param) {
  ESP_CHECK(f->dim >= 1 && f->dim <= ESP_MAX_DIM, ESP_ERR_CONFIG, "messages have key dimension %d; allowed: 1 to %d",
            f->dim, ESP_MAX_DIM);
  ESP_CHECK(f->channels >= 1 && f->channels <= ESP_GATE_MAX_CHANNELS, ESP_ERR_CONFIG,
            "messages have %d channels; allowed: 1 to %d", f->channels, ESP_GATE_MAX_CHANNELS);
  for (int a = 0; a < 3; a++)
    ESP_CHECK(f->period[a] == 0, ESP_ERR_CONFIG, "box length %g of axis %d; gated messages know no period: must be 0",
              f->period[a], a);
  const double s = exp(param[0]);
  ESP_CHECK(s > 0 && isfinite(s), ESP_ERR_VALUE, "the gate's scale is exp(%g); must be positive and finite", param[0]);
  return ESP_OK;
}

static int check(const esp_form *f, const double *param) {
  ESP_CALL(esp_gate_check(f, param));
  ESP_CHECK(f->order >= 0 && f->order <= ESP_MOMENTS_ORDER, ESP_ERR_CONFIG,
            "far cells hold moments up to order %d; allowed: 0 to %d (tree_order)", f->order, ESP_MOMENTS_ORDER);
  ESP_CHECK(
      esp_moments_count(f->dim, f->order) <= ESP_GATE_MAX_MOMENTS, ESP_ERR_CONFIG,
      "moments up to order %d in %d dimensions are %d numbers a channel; at most %d: a smaller tree_order or net_dim",
      f->order, f->dim, esp_moments_count(f->dim, f->order), ESP_GATE_MAX_MOMENTS);
  return ESP_OK;
}

static void widths(const esp_form *f, esp_widths *w) {
  const int d = f->dim;
  *w = (esp_widths){.source = d + f->channels,
                    .query = d,
                    .sum = heard(f),
                    .dsource = d + f->channels,
                    .dquery = d,
                    .cell = cell_width(f),
                    .adjoint = cell_width(f) - 1,
                    .param = 1};
}

double esp_gate_fade(const esp_form *f, const double *param) {
  (void)f;
  return exp(param[0]);
}

static esp_message_part part(const esp_form *f, int k) {
  (void)f;
  return k == 0 ? (esp_message_part){"ln_s", 1, 1} : (esp_message_part){0};
}

static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  (void)f, (void)seed, (void)layer;
  param[0] = 0; /* s = 1 */
}

/* ---- a particle and itself ---- */

static void self(const esp_form *f, const double *param, int n, const double *query, const double *source,
                 double *sum) {
  const double scale = esp_gate_self_scale(param[0]);
  const esp_widths w = esp_form_widths(f);
  for (size_t i = 0; i < (size_t)n; i++) {
    const esp_gate_self p = esp_gate_self_of(f->dim, scale, query + i * (size_t)w.query, source + i * (size_t)w.source);
    double *to = sum + i * (size_t)w.sum;
    for (int c = 0; c < f->channels; c++) to[c] -= p.G * p.k[f->dim + c];
    if (f->den) to[f->channels] -= p.G;
  }
}

static void self_back(const esp_form *f, const double *param, int n, const double *query, const double *source,
                      const double *dsum, double *dquery, double *dsource, int64_t *param_acc) {
  const double scale = esp_gate_self_scale(param[0]);
  const esp_widths w = esp_form_widths(f);
  double dscale = 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    const size_t q = i * (size_t)w.query, k = i * (size_t)w.source;
    const esp_gate_self p = esp_gate_self_of(f->dim, scale, query + q, source + k);
    const double *a = dsum + i * (size_t)w.sum;
    double dG = f->den ? a[f->channels] : 0;
    for (int c = 0; c < f->channels; c++) {
      dG += a[c] * p.k[f->dim + c];
      dsource[k + (size_t)(f->dim + c)] -= p.G * a[c];
    }
    dscale += esp_gate_self_move(f->dim, &p, scale, 0 - p.G * dG, dquery + q, dsource + k);
    if ((i + 1) % ESP_GROUP && i + 1 < (size_t)n) continue;
    esp_exact_add(&ESP_EXACT_FULL, param_acc, dscale);
    dscale = 0;
  }
}

static double weigh(const esp_form *f, double fade, const double *receiver, const double *source) {
  const double *gradient = receiver + f->dim, *value = source + f->dim;
  double rho = 0, sum = f->den ? gradient[f->channels] : 0;
  for (int a = 0; a < f->dim; a++) rho += (receiver[a] - source[a]) * (receiver[a] - source[a]);
  for (int c = 0; c < f->channels; c++) sum += gradient[c] * value[c];
  return exp(-rho * (0.5 / (fade * fade))) * sum;
}

static const esp_own_message own = {self, self_back};

const esp_message esp_message_gate = {.name = "gate",
                                      .help = "what each sends, weighed by a Gaussian of distance in the learned space",
                                      .traits = ESP_MESSAGE_MOMENTS,
                                      .check = check,
                                      .widths = widths,
                                      .part = part,
                                      .start = start,
                                      .fade = esp_gate_fade,
                                      .cells = &esp_gate_cells,
                                      .own = &own,
                                      .weigh = weigh};
