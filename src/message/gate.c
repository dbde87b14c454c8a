#include "message/gate.h"

#include <math.h>
#include <string.h>

#include "base/set.h"

/* ---- cells ---- */

static void add_member(const esp_form *f, const double *source, double *row) {
  const int d = f->dim, C = f->channels;
  const double *key = source, *value = source + d;
  if (esp_gate_poles(f)) {
    for (int c = 0; c < C; c++) {
      double *pole = row + (2 * c + (value[c] < 0)) * (1 + d);
      const double weight = value[c] < 0 ? -value[c] : value[c];
      pole[0] += weight;
      for (int a = 0; a < d; a++) pole[1 + a] += weight * key[a];
    }
  } else {
    for (int c = 0; c < C; c++) row[c] += value[c];
  }
  row += esp_gate_tail(f);
  row[0] += 1;
  for (int a = 0; a < d; a++) row[1 + a] += key[a];
}

static int cell_width(const esp_form *f) {
  return esp_gate_tail(f) + 1 + f->dim;
}

static void leaf(const esp_form *f, int count, const double *source, double *cell) {
  const size_t width = (size_t)(f->dim + f->channels);
  memset(cell, 0, (size_t)cell_width(f) * sizeof *cell);
  for (size_t i = 0; i < (size_t)count; i++) add_member(f, source + i * width, cell);
}

static void join(const esp_form *f, double n1, const double *c1, double n2, const double *c2, double *cell) {
  (void)n1, (void)n2;
  const int width = cell_width(f);
  for (int c = 0; c < width; c++) cell[c] = c1[c] + c2[c];
}

/* (weight, weight K) from derivatives by weight at fixed K, and by K. */
static void close_pole(int d, const double *sums, double *adjoint) {
  if (!(sums[0] > 0)) {
    for (int a = 0; a <= d; a++) adjoint[a] = 0;
    return;
  }
  for (int a = 1; a <= d; a++) {
    adjoint[a] /= sums[0];
    adjoint[0] -= adjoint[a] * (sums[a] / sums[0]);
  }
}

static void close_cell(const esp_form *f, const double *cell, double *adjoint) {
  const int d = f->dim, C = f->channels, tail = esp_gate_tail(f);
  const double count = cell[tail];
  if (esp_gate_poles(f)) {
    for (int p = 0; p < 2 * C; p++) close_pole(d, cell + p * (1 + d), adjoint + p * (1 + d));
  } else if (esp_message_has(f->message, ESP_MESSAGE_OFFSET)) {
    for (int c = 0; c < C; c++) adjoint[c] = count > 0 ? adjoint[c] / count : 0;
  }
  /* how many members there are is nobody's variable */
  adjoint[tail] = 0;
  for (int a = 1; a <= d; a++) adjoint[tail + a] = count > 0 ? adjoint[tail + a] / count : 0;
}

static void pass(const esp_form *f, const double *cell, const double *adjoint, const double *child, double *to) {
  (void)cell, (void)child;
  const int width = cell_width(f);
  for (int c = 0; c < width; c++) to[c] += adjoint[c];
}

/* dLoss/d|v| of a member of the pole, and its key's share. */
static double pull_pole(int d, const double *key, double weight, const double *adjoint, double *dkey) {
  double dweight = adjoint[0];
  for (int a = 0; a < d; a++) {
    dweight += adjoint[1 + a] * key[a];
    dkey[a] += adjoint[1 + a] * weight;
  }
  return dweight;
}

static void pull_member(const esp_form *f, const double *source, const double *adjoint, double *dsource) {
  const int d = f->dim, C = f->channels;
  const double *key = source, *value = source + d;
  double *dkey = dsource, *dvalue = dsource + d;
  if (esp_gate_poles(f)) {
    for (int c = 0; c < C; c++) {
      const double *plus = adjoint + 2 * c * (1 + d), *minus = plus + 1 + d, v = value[c];
      /* a value of 0 is about to be in either pole: the mean of the two one-sided derivatives */
      const double share = v != 0 ? 1 : 0.5;
      if (v >= 0) dvalue[c] += share * pull_pole(d, key, v, plus, dkey);
      if (v <= 0) dvalue[c] -= share * pull_pole(d, key, -v, minus, dkey);
    }
  } else {
    for (int c = 0; c < C; c++) dvalue[c] += adjoint[c];
  }
  adjoint += esp_gate_tail(f);
  for (int a = 0; a < d; a++) dkey[a] += adjoint[1 + a];
}

static void pull(const esp_form *f, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  (void)cell;
  const size_t width = (size_t)(f->dim + f->channels);
  for (size_t i = 0; i < (size_t)count; i++) pull_member(f, source + i * width, adjoint, dsource + i * width);
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

void esp_gate_widths(const esp_form *f, esp_widths *w) {
  const int mlp = esp_message_has(f->message, ESP_MESSAGE_OFFSET), width = f->dim + f->channels,
            query = mlp ? width : f->dim;
  *w = (esp_widths){.source = width,
                    .query = query,
                    .sum = f->channels + (f->den ? 1 : 0),
                    .dsource = width,
                    .dquery = query,
                    .cell = cell_width(f),
                    .adjoint = cell_width(f),
                    .param = 1 + (mlp ? ESP_GATE_EDGE * f->channels : 0)};
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

esp_gate_self esp_gate_self_of(const esp_form *f, double scale, const double *query, const double *source) {
  esp_gate_self p = {.q = query, .k = source};
  double square = 0;
  for (int a = 0; a < f->dim; a++) square += (p.q[a] - p.k[a]) * (p.q[a] - p.k[a]);
  p.rho = square > 0 ? square / (2 * scale * scale) : 0;
  p.G = exp(-p.rho);
  return p;
}

double esp_gate_self_move(const esp_form *f, const esp_gate_self *p, double scale, double drho, double *dquery,
                          double *dsource) {
  for (int a = 0; a < f->dim; a++) {
    const double r = p->q[a] - p->k[a], pull = r != 0 ? drho * r / (scale * scale) : 0;
    dquery[a] -= pull;
    dsource[a] += pull;
  }
  return 2 * p->rho * drho;
}

static void self(const esp_form *f, const double *param, int n, const double *query, const double *source,
                 double *sum) {
  const double scale = exp(param[0]);
  const esp_widths w = esp_form_widths(f);
  for (size_t i = 0; i < (size_t)n; i++) {
    const esp_gate_self p = esp_gate_self_of(f, scale, query + i * (size_t)w.query, source + i * (size_t)w.source);
    double *to = sum + i * (size_t)w.sum;
    for (int c = 0; c < f->channels; c++) to[c] -= p.G * p.k[f->dim + c];
    if (f->den) to[f->channels] -= p.G;
  }
}

static void self_back(const esp_form *f, const double *param, int n, const double *query, const double *source,
                      const double *dsum, double *dquery, double *dsource, int64_t *param_acc) {
  const double scale = exp(param[0]);
  const esp_widths w = esp_form_widths(f);
  double dscale = 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    const size_t q = i * (size_t)w.query, k = i * (size_t)w.source;
    const esp_gate_self p = esp_gate_self_of(f, scale, query + q, source + k);
    const double *a = dsum + i * (size_t)w.sum;
    double dG = f->den ? a[f->channels] : 0;
    for (int c = 0; c < f->channels; c++) {
      dG += a[c] * p.k[f->dim + c];
      dsource[k + (size_t)(f->dim + c)] -= p.G * a[c];
    }
    dscale += esp_gate_self_move(f, &p, scale, 0 - p.G * dG, dquery + q, dsource + k);
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
                                      .check = esp_gate_check,
                                      .widths = esp_gate_widths,
                                      .part = part,
                                      .start = start,
                                      .fade = esp_gate_fade,
                                      .cells = &esp_gate_cells,
                                      .own = &own,
                                      .weigh = weigh};
