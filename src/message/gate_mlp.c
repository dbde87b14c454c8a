#include <math.h>

#include "base/rng.h"
#include "base/set.h"
#include "message/cells/gate_mlp.h"
#include "message/gate.h"
#include "message/pairs/own.h"

/* W3 is N(0, 0.01), from a random stream that a seed has had since the first checkpoints. */
enum { STREAM = 1024, STREAMS = 64, STREAM_W3 = 10, MOST_PARAM = 1 + ESP_GATE_EDGE * ESP_GATE_MAX_CHANNELS };
static const double EDGE = 0.1;

/* ---- cells ---- */

static int cell_width(const esp_form *f) {
  return f->channels + 1 + f->dim;
}

static void leaf(const esp_form *f, int count, const double *source, double *cell) {
  esp_gate_sums_leaf(f->dim, f->channels, 0, cell_width(f), count, source, cell);
}

static void join(const esp_form *f, double n1, const double *c1, double n2, const double *c2, double *cell) {
  (void)n1, (void)n2;
  esp_gate_sums_join(0, cell_width(f), c1, c2, cell);
}

static void close_cell(const esp_form *f, const double *cell, double *adjoint) {
  esp_gate_sums_close(f->channels, 0, cell_width(f), cell, adjoint);
}

static void pass(const esp_form *f, const double *cell, const double *adjoint, const double *child, double *to) {
  (void)cell, (void)child;
  esp_gate_sums_pass(0, cell_width(f), adjoint, to);
}

static void pull(const esp_form *f, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  (void)cell, (void)source;
  const size_t width = (size_t)(f->dim + f->channels);
  for (size_t j = 0; j < (size_t)count; j++) esp_gate_sums_pull(f->dim, f->channels, adjoint, dsource + j * width);
}

const esp_cell_algebra esp_gate_mlp_cells = {leaf, join, close_cell, pass, pull, NULL};

static void widths(const esp_form *f, esp_widths *w) {
  const int width = f->dim + f->channels;
  *w = (esp_widths){.source = width,
                    .query = width,
                    .sum = f->channels + (f->den ? 1 : 0),
                    .dsource = width,
                    .dquery = width,
                    .cell = cell_width(f),
                    .adjoint = cell_width(f),
                    .param = 1 + ESP_GATE_EDGE * f->channels};
}

/* ---- the message ---- */

static esp_message_part part(const esp_form *f, int k) {
  const esp_message_part all[] = {{"ln_s", 1, 1}, {"W3", f->channels, ESP_GATE_EDGE}};
  return k < 2 ? all[k] : (esp_message_part){0};
}

static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  const uint64_t stream = STREAM + STREAMS * (uint64_t)(layer + 1) + STREAM_W3;
  param[0] = 0; /* s = 1 */
  for (int i = 0; i < ESP_GATE_EDGE * f->channels; i++)
    param[1 + i] = sqrt(EDGE * EDGE) * esp_rng_normal(seed, stream, ESP_RNG_WEIGHT, (uint32_t)i);
}

static void self(const esp_form *f, const double *param, int n, const double *query, const double *source,
                 double *sum) {
  const double scale = esp_gate_self_scale(param[0]);
  const esp_widths w = esp_form_widths(f);
  for (size_t i = 0; i < (size_t)n; i++) {
    const esp_gate_self p = esp_gate_self_of(f->dim, scale, query + i * (size_t)w.query, source + i * (size_t)w.source);
    double *to = sum + i * (size_t)w.sum;
    for (int c = 0; c < f->channels; c++) {
      const double t = esp_gate_self_input(&p, f->dim + c, param + 1 + ESP_GATE_EDGE * c);
      to[c] -= p.G * esp_silu64(t);
    }
    if (f->den) to[f->channels] -= p.G;
  }
}

/* dG, drho += dLoss/dG, dLoss/drho of the term as if it were added; the others are taken from. */
static void slope(const esp_form *f, const esp_gate_self *p, const double *W3, const double *a, double *dw, double *du,
                  double *dW3, double *dG, double *drho) {
  for (int c = 0; c < f->channels; c++) {
    const double *w3 = W3 + ESP_GATE_EDGE * c, t = esp_gate_self_input(p, f->dim + c, w3);
    double by_gate, by_rho;
    const double dt = esp_gate_self_slope(p, t, w3, a[c], &by_gate, &by_rho);
    *dG += by_gate;
    *drho += by_rho;
    dw[c] -= dt;
    du[c] -= dt;
    dW3[ESP_GATE_EDGE * c] -= dt * p->rho;
    dW3[ESP_GATE_EDGE * c + 1] -= dt * p->G;
  }
}

static void self_back(const esp_form *f, const double *param, int n, const double *query, const double *source,
                      const double *dsum, double *dquery, double *dsource, int64_t *param_acc) {
  const double scale = esp_gate_self_scale(param[0]);
  const esp_widths w = esp_form_widths(f);
  const size_t d = (size_t)f->dim;
  for (int begin = 0; begin < n; begin += ESP_GROUP) {
    double dparam[MOST_PARAM] = {0};
    for (int row = begin; row < n && row < begin + ESP_GROUP; row++) {
      const size_t i = (size_t)row, q = i * (size_t)w.query, k = i * (size_t)w.source;
      const esp_gate_self p = esp_gate_self_of(f->dim, scale, query + q, source + k);
      const double *a = dsum + i * (size_t)w.sum;
      double dG = f->den ? a[f->channels] : 0, drho = 0;
      slope(f, &p, param + 1, a, dsource + k + d, dquery + q + d, dparam + 1, &dG, &drho);
      drho -= p.G * dG;
      dparam[0] += esp_gate_self_move(f->dim, &p, scale, drho, dquery + q, dsource + k);
    }
    for (int k = 0; k < w.param; k++)
      esp_exact_add(&ESP_EXACT_FULL, param_acc + (size_t)k * ESP_EXACT_FULL_WORDS, dparam[k]);
  }
}

static const esp_own_message own = {self, self_back};

const esp_message esp_message_gate_mlp = {.name = "gate_mlp",
                                          .help = "a learned message of sender and receiver times that Gaussian",
                                          .traits = ESP_MESSAGE_DEN | ESP_MESSAGE_OFFSET,
                                          .check = esp_gate_check,
                                          .widths = widths,
                                          .part = part,
                                          .start = start,
                                          .fade = esp_gate_fade,
                                          .cells = &esp_gate_mlp_cells,
                                          .own = &own};
