/* Cases for the tests of the gated messages: random rows, a real domain, and the messages written as plain loops over
 * the same lists and cells. */
#ifndef TEST_GATE_CASE_H
#define TEST_GATE_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "message/gate.h"
#include "message/specification.h"
#include "net/device.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

typedef struct {
  esp_pairs g;
  esp_domain *dom;
  int n, query_width, source_width, sum_width, cell_width, params;
  double *query, *source, *cell, *param; /* slot order */
  double *gradient;                      /* [n][sum_width] */
  int64_t *id;
} gate_case;

static inline double *case_doubles(size_t count) {
  double *p = NULL;
  MUST(ESP_ALLOC(p, count));
  return p;
}

static inline double case_normal(uint64_t seed, size_t i) {
  return esp_rng_normal(seed, i, ESP_RNG_TEST, 0);
}

/* Cells anew from the sources, by a loop over the members of every row. */
static inline void case_cells(gate_case *c) {
  const esp_tree *tree = &c->dom->tree;
  for (int row = 0; row < tree->row_count; row++)
    c->g.form.message->cells->leaf(&c->g.form, tree->part_count[row],
                                   c->source + (size_t)tree->part_first[row] * (size_t)c->source_width,
                                   c->cell + (size_t)row * (size_t)c->cell_width);
}

/* Keys normal with deviation 1, cells judged by their size, s = scale sqrt(d), values of both signs (some 0), W3, offsets and gradients normal. */
static inline void case_make(gate_case *c, esp_form form, int n, int leaf, int block, double theta, double scale,
                             int two_trees) {
  const size_t m = (size_t)n;
  *c = (gate_case){.n = n};
  form.unit = scale * sqrt(form.dim);
  c->query_width = esp_form_widths(&form).query;
  c->source_width = esp_form_widths(&form).source;
  c->sum_width = esp_form_widths(&form).sum;
  c->cell_width = esp_form_widths(&form).cell;
  c->params = esp_form_widths(&form).param;
  double *key = case_doubles(m * (size_t)form.dim), *query = case_doubles(m * (size_t)form.dim);
  double *home_query = case_doubles(m * (size_t)c->query_width),
         *home_source = case_doubles(m * (size_t)c->source_width);
  MUST(ESP_ALLOC(c->id, m));
  for (size_t i = 0; i < m; i++) {
    c->id[i] = 5 * (int64_t)i + 2;
    double *q = home_query + i * (size_t)c->query_width, *k = home_source + i * (size_t)c->source_width;
    for (int a = 0; a < form.dim; a++) {
      k[a] = key[i * (size_t)form.dim + (size_t)a] = case_normal(1, i * 64 + (size_t)a);
      q[a] = two_trees ? case_normal(2, i * 64 + (size_t)a) + 0.3 : k[a];
      query[i * (size_t)form.dim + (size_t)a] = q[a];
    }
    for (int h = 0; h < form.channels; h++) {
      k[form.dim + h] = i % 7 == 3 ? 0 : case_normal(3, i * 128 + (size_t)h);
      if (esp_message_has(form.message, ESP_MESSAGE_OFFSET)) q[form.dim + h] = case_normal(4, i * 128 + (size_t)h);
    }
  }
  esp_domain_param param = {.leaf = leaf, .block = block, .dim = form.dim};
  param.lists.theta = theta, param.lists.rule = &esp_rule_size, param.lists.rule_number = form.unit;
  MUST(esp_domain_build_self(esp_comm_self(), &param, n, key, two_trees ? query : NULL, c->id, &c->dom));
  c->query = case_doubles(m * (size_t)c->query_width);
  c->source = case_doubles(m * (size_t)c->source_width);
  c->gradient = case_doubles(m * (size_t)c->sum_width);
  c->param = case_doubles((size_t)c->params);
  c->cell = case_doubles((size_t)c->dom->tree.row_count * (size_t)c->cell_width);
  MUST(c->dom->ops->to_receivers(c->dom, sizeof(double) * (size_t)c->query_width, home_query, c->query));
  MUST(c->dom->ops->to_slots(c->dom, sizeof(double) * (size_t)c->source_width, home_source, c->source));
  for (size_t i = 0; i < m * (size_t)c->sum_width; i++) c->gradient[i] = case_normal(5, i);
  c->param[0] = log(scale * sqrt(form.dim));
  for (int p = 1; p < c->params; p++) c->param[p] = 0.5 * case_normal(6, (size_t)p);
  c->g = (esp_pairs){form, esp_form_widths(&form), c->dom, c->param, c->query, c->source, c->cell, 0};
  case_cells(c);
  ESP_FREE(key);
  ESP_FREE(query);
  ESP_FREE(home_query);
  ESP_FREE(home_source);
}

static inline void case_free(gate_case *c) {
  esp_domain_free(&c->dom);
  ESP_FREE(c->query);
  ESP_FREE(c->source);
  ESP_FREE(c->cell);
  ESP_FREE(c->param);
  ESP_FREE(c->gradient);
  ESP_FREE(c->id);
}

/* One sender of key k, values or w v, standing for `count`, heard by q: into sum; into size without signs (mlp: without
 * those of what t is summed from, too). only: the single channel that is heard; C: den alone; -1: all and den. */
static inline void case_hear(const gate_case *c, const double *q, const double *k, const double *v, double count,
                             int only, double *sum, double *size) {
  const esp_form *f = &c->g.form;
  const int d = f->dim, C = f->channels;
  double r2 = 0;
  for (int a = 0; a < d; a++) r2 += (q[a] - k[a]) * (q[a] - k[a]);
  const double rho = r2 / (2 * exp(2 * c->param[0])), G = exp(-rho);
  for (int h = 0; h < C; h++) {
    if (only >= 0 && only != h) continue;
    double m = v ? v[h] : 0, of = fabs(m);
    if (esp_message_has(f->message, ESP_MESSAGE_OFFSET)) {
      const double *w3 = c->param + 1 + 2 * h, t = q[d + h] + v[h] + w3[0] * rho + w3[1] * G;
      m = count * t / (1 + exp(-t));
      of = count * (fabs(q[d + h]) + fabs(v[h]) + fabs(w3[0] * rho) + fabs(w3[1] * G));
    }
    sum[h] += G * m;
    if (size) size[h] += G * of;
  }
  if (!f->den || (only >= 0 && only < C)) return;
  sum[C] += G * count;
  if (size) size[C] += G * count;
}

/* The gate's cell, member by member; size: of the series' terms. */
static inline void case_hear_series(const gate_case *c, const double *q, int row, double *sum, double *size) {
  const esp_form *f = &c->g.form;
  const esp_tree *tree = &c->dom->tree;
  const int d = f->dim, C = f->channels, members = tree->part_count[row];
  const double *member = c->source + (size_t)tree->part_first[row] * (size_t)c->source_width;
  const double *K = tree->centre + (size_t)row * (size_t)d;
  double u2 = 0;
  esp_specification_cell(f, c->param, 1, q, members, member, sum);
  for (int a = 0; a < d; a++) u2 += (q[a] - K[a]) * (q[a] - K[a]) * exp(-2 * c->param[0]);
  for (int j = 0; j < members && size; j++, member += d + C) {
    const double t = tree->radius[row] * exp(-c->param[0]), x = sqrt(u2) * t + t * t;
    const double terms = exp(-u2 / 2) * (1 + x + x * x / 2 + x * x * x / 6);
    for (int h = 0; h < c->sum_width; h++) size[h] += terms * (h < C ? fabs(member[d + h]) : 1);
  }
}

static inline void case_hear_cell(const gate_case *c, const double *q, int row, double *sum, double *size) {
  const esp_form *f = &c->g.form;
  const int d = f->dim, C = f->channels;
  const double *cell = c->cell + (size_t)row * (size_t)c->cell_width, *tail = cell + c->cell_width - 1 - d;
  double mean[ESP_MAX_DIM], v[ESP_GATE_MAX_CHANNELS];
  if (!esp_message_has(f->message, ESP_MESSAGE_OFFSET)) {
    case_hear_series(c, q, row, sum, size);
    return;
  }
  if (tail[0] == 0) return;
  for (int a = 0; a < d; a++) mean[a] = tail[1 + a] / tail[0];
  for (int h = 0; h < C; h++) v[h] = cell[h] / tail[0];
  case_hear(c, q, mean, v, tail[0], -1, sum, size);
}

/* sum [n][sum_width] over the lists and cells; size (may be NULL) of its terms. */
static inline void case_lists(const gate_case *c, double *sum, double *size) {
  const esp_tree *tree = &c->dom->tree;
  const esp_lists *lists = &c->dom->lists;
  const size_t W = (size_t)c->sum_width, sw = (size_t)c->source_width, all = (size_t)c->n * W * sizeof *sum;
  memset(sum, 0, all);
  if (size) memset(size, 0, all);
  for (int b = 0; b < tree->n_block; b++) {
    const int row = tree->level_row[tree->shape.block_level] + b, first = tree->part_first[row];
    for (int i = first; i < first + tree->part_count[row]; i++) {
      const double *q = c->query + (size_t)i * (size_t)c->query_width;
      double *s = sum + (size_t)i * W, *z = size ? size + (size_t)i * W : NULL;
      for (int j = first; j < first + tree->part_count[row] && !c->dom->queries; j++) {
        const double *k = c->source + (size_t)j * sw;
        case_hear(c, q, k, k + c->g.form.dim, 1, -1, s, z);
      }
      for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
        for (int j = 0; j < tree->part_count[lists->near[e]]; j++) {
          const double *k = c->source + (size_t)(tree->part_first[lists->near[e]] + j) * sw;
          case_hear(c, q, k, k + c->g.form.dim, 1, -1, s, z);
        }
      for (int64_t e = lists->far_start[b]; e < lists->far_start[b + 1]; e++) case_hear_cell(c, q, lists->far[e], s, z);
    }
  }
}

/* sum over all pairs. */
static inline void case_pairs(const gate_case *c, double *sum) {
  esp_specification_forward(&c->g.form, c->param, 1, c->n, c->query, c->n, c->source, sum);
}

static inline void case_forward(const gate_case *c, const esp_device *device, double *sum) {
  const esp_kernels *kernels = device->kernels(c->g.form.message);
  esp_scratch *scratch;
  MUST(kernels->begin(&c->g.form, c->dom, &scratch));
  kernels->forward(&c->g, c->dom->tree.n_block, c->dom->block_order, sum, scratch);
  kernels->end(&scratch);
  assert_null(scratch);
}

/* The largest |a - b| / size; where size is 0, of |a - b|. */
static inline double case_worst(size_t count, const double *a, const double *b, const double *size) {
  double worst = 0;
  for (size_t i = 0; i < count; i++) {
    const double error = fabs(a[i] - b[i]) / (size[i] > 0 ? size[i] : 1);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/* The routines of the table against the plain loops over lists. */
static inline double case_forward_error(const gate_case *c, const esp_device *device) {
  const size_t count = (size_t)c->n * (size_t)c->sum_width;
  double *sum = case_doubles(count), *want = case_doubles(count), *size = case_doubles(count);
  case_forward(c, device, sum);
  case_lists(c, want, size);
  const double worst = case_worst(count, sum, want, size);
  ESP_FREE(sum);
  ESP_FREE(want);
  ESP_FREE(size);
  return worst;
}

/* All derivatives of gradient . sum. */
typedef struct {
  double *query, *source, *cell, *param; /* cell: closed adjoints */
} gate_slopes;

static inline void case_slopes_free(gate_slopes *s) {
  ESP_FREE(s->query);
  ESP_FREE(s->source);
  ESP_FREE(s->cell);
  ESP_FREE(s->param);
}

/* source: of the near pairs; the cells' share stays in `cell`. */
static inline void case_backward(const gate_case *c, const esp_device *device, gate_slopes *s) {
  const size_t n = (size_t)c->n, rows = (size_t)c->dom->tree.row_count, qw = (size_t)c->query_width;
  const size_t W = (size_t)c->sum_width, width = qw + W, cells = rows * (size_t)c->g.width.adjoint;
  int64_t *cell_acc = NULL, *param_acc = NULL;
  double *receiver = case_doubles(n * width);
  const esp_kernels *kernels = device->kernels(c->g.form.message);
  esp_scratch *scratch;
  MUST(ESP_ALLOC(cell_acc, cells * ESP_EXACT_CELL_WORDS));
  MUST(ESP_ALLOC(param_acc, (size_t)c->params * ESP_EXACT_FULL_WORDS));
  *s = (gate_slopes){case_doubles(n * qw), case_doubles(n * (size_t)c->source_width), case_doubles(cells),
                     case_doubles((size_t)c->params)};
  for (size_t i = 0; i < n; i++) {
    memcpy(receiver + i * width, c->query + i * qw, qw * sizeof(double));
    memcpy(receiver + i * width + qw, c->gradient + i * W, W * sizeof(double));
  }
  MUST(kernels->begin(&c->g.form, c->dom, &scratch));
  kernels->receivers(&c->g, c->dom->tree.n_block, c->dom->block_order, c->gradient, s->query, cell_acc, param_acc,
                     scratch);
  kernels->senders(&c->g, c->dom->tree.n_block, c->dom->sender_block_order, receiver, s->source, param_acc, scratch);
  kernels->end(&scratch);
  for (size_t i = 0; i < cells; i++) s->cell[i] = esp_exact_value(&ESP_EXACT_CELL, cell_acc + i * ESP_EXACT_CELL_WORDS);
  for (size_t r = 0; r < rows; r++)
    c->g.form.message->cells->close(&c->g.form, c->cell + r * (size_t)c->cell_width,
                                    s->cell + r * (size_t)c->g.width.adjoint);
  for (int p = 0; p < c->params; p++)
    s->param[p] = esp_exact_value(&ESP_EXACT_FULL, param_acc + (size_t)p * ESP_EXACT_FULL_WORDS);
  ESP_FREE(cell_acc);
  ESP_FREE(param_acc);
  ESP_FREE(receiver);
}

static inline double case_loss(const gate_case *c) {
  const size_t count = (size_t)c->n * (size_t)c->sum_width;
  double *sum = case_doubles(count), loss = 0;
  case_lists(c, sum, NULL);
  for (size_t i = 0; i < count; i++) loss += c->gradient[i] * sum[i];
  ESP_FREE(sum);
  return loss;
}

/* |slope - central difference by *x|, of fourth order. with_cells: the cells follow the sources. */
static inline double case_difference(gate_case *c, double *x, double slope, int with_cells) {
  const double keep = *x, step = 2e-4;
  double loss[4];
  for (int side = 0; side < 4; side++) {
    *x = keep + step * (side < 2 ? 1 : 2) * (side % 2 ? 1 : -1);
    if (with_cells) case_cells(c);
    loss[side] = case_loss(c);
  }
  *x = keep;
  if (with_cells) case_cells(c);
  return fabs((8 * (loss[1] - loss[0]) - (loss[3] - loss[2])) / (12 * step) - slope);
}

static inline double case_largest(const double *slope, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(slope[i]));
  return largest > 0 ? largest : 1;
}

/* Over the largest slope, the worst of `probes` of the `count` numbers x. */
static inline double case_probe(gate_case *c, double *x, const double *slope, size_t count, int probes,
                                int with_cells) {
  double worst = 0;
  for (int p = 0; p < probes && count; p++) {
    const size_t i = (size_t)esp_rng_below(9, (uint64_t)p, ESP_RNG_TEST, 0, count);
    const double error = case_difference(c, x + i, slope[i], with_cells);
    if (!(error <= worst)) worst = error;
  }
  return worst / case_largest(slope, count);
}

/* The same of the sums of a learned message's cells that are heard, but for the count. */
static inline double case_probe_cells(gate_case *c, const double *slope, int probes) {
  const size_t width = (size_t)c->cell_width, d = (size_t)c->g.form.dim, tail = width - 1 - d;
  const esp_lists *lists = &c->dom->lists;
  const int64_t far = lists->far_start[lists->n_block];
  double worst = 0;
  if (!esp_message_has(c->g.form.message, ESP_MESSAGE_OFFSET)) return 0;
  for (int p = 0; p < probes && far; p++) {
    const int64_t e = (int64_t)esp_rng_below(11, (uint64_t)p, ESP_RNG_TEST, 0, (uint64_t)far);
    const size_t m = (size_t)esp_rng_below(11, (uint64_t)p, ESP_RNG_TEST, 1, width);
    const size_t row = (size_t)lists->far[e] * width;
    if (m == tail) continue;
    const double error = case_difference(c, c->cell + row + m, slope[row + m], 0);
    if (!(error <= worst)) worst = error;
  }
  return worst / case_largest(slope, (size_t)c->dom->tree.row_count * width);
}

/* Adds to `source` what members owe to the cells they are in, each cell by itself. */
static inline void case_pull(const gate_case *c, const double *cell, double *source) {
  const esp_tree *tree = &c->dom->tree;
  for (int row = 0; row < tree->row_count; row++)
    c->g.form.message->cells->pull(&c->g.form, c->cell + (size_t)row * (size_t)c->cell_width,
                                   cell + (size_t)row * (size_t)c->g.width.adjoint, tree->part_count[row],
                                   c->source + (size_t)tree->part_first[row] * (size_t)c->source_width,
                                   source + (size_t)tree->part_first[row] * (size_t)c->source_width);
}

static inline double case_follow(const double *a, const double *b, size_t count) {
  double worst = 0;
  for (size_t i = 0; i < count; i++)
    if (!(fabs(a[i] - b[i]) <= worst)) worst = fabs(a[i] - b[i]);
  return worst / case_largest(b, count);
}

/* float64 against central differences of the plain loops, float32 against float64. */
static inline void case_check_gradients(gate_case *c) {
  const size_t n = (size_t)c->n, queries = n * (size_t)c->query_width, sources = n * (size_t)c->source_width;
  const size_t cells = (size_t)c->dom->tree.row_count * (size_t)c->g.width.adjoint, params = (size_t)c->params;
  const int mlp = esp_message_has(c->g.form.message, ESP_MESSAGE_OFFSET); /* the gate's cells follow sources at once */
  gate_slopes s, f;
  case_backward(c, &esp_device_cpu64, &s);
  case_backward(c, &esp_device_cpu32, &f);
  const double error[] = {case_probe(c, c->query, s.query, queries, 20, 0),
                          mlp ? case_probe(c, c->source, s.source, sources, 20, 0) : 0,
                          case_probe(c, c->param, s.param, params, c->params, 0), case_probe_cells(c, s.cell, 40)};
  const double follow = fmax(fmax(case_follow(f.query, s.query, queries), case_follow(f.source, s.source, sources)),
                             fmax(case_follow(f.cell, s.cell, cells), case_follow(f.param, s.param, params)));
  case_pull(c, s.cell, s.source);
  const double whole = case_probe(c, c->source, s.source, sources, 20, 1);
  const esp_form *form = &c->g.form;
  for (int e = 0; e < 4; e++)
    if (!(error[e] < 1e-6))
      fail_msg("d %d C %d mlp %d average %d: query, source, param, cell: number %d is off by %g", form->dim,
               form->channels, esp_message_has(form->message, ESP_MESSAGE_OFFSET), form->den, e, error[e]);
  if (!(whole < 1e-6 && follow < 2e-5))
    fail_msg("d %d C %d mlp %d average %d: through cells %g; float32 %g", form->dim, form->channels,
             esp_message_has(form->message, ESP_MESSAGE_OFFSET), form->den, whole, follow);
  case_slopes_free(&s);
  case_slopes_free(&f);
}

/* Blocks in two halves, the later first: the same bits. */
static inline void case_check_order(const gate_case *c, const esp_device *device) {
  const size_t count = (size_t)c->n * (size_t)c->sum_width;
  const int blocks = c->dom->tree.n_block, half = blocks / 2;
  double *sum = case_doubles(count), *again = case_doubles(count);
  const esp_kernels *kernels = device->kernels(c->g.form.message);
  esp_scratch *scratch;
  MUST(kernels->begin(&c->g.form, c->dom, &scratch));
  kernels->forward(&c->g, blocks, c->dom->block_order, sum, scratch);
  kernels->forward(&c->g, blocks - half, c->dom->block_order + half, again, scratch);
  kernels->forward(&c->g, half, c->dom->block_order, again, scratch);
  assert_memory_equal(sum, again, count * sizeof *sum);
  kernels->end(&scratch);
  ESP_FREE(sum);
  ESP_FREE(again);
}

#endif
