/* Proves: the specification's adjoints are the central differences of its sums; the kernels of every device equal it for
 * every message where all pairs are near: sums, and gradients to queries, sources and parameters, at all small sizes,
 * with periods, coincident bodies, zero masses, one tree and two.
 * ctest: TIMEOUT 300 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "message/specification.h"
#include "net/device.h"
#include "mirror.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

#define BODIES(name, H, eps, ...) \
  { .message = &esp_message_##name, .dim = 3, .channels = H, .softening = eps, .period = {__VA_ARGS__}, .mean = 0.55 }
#define GATES(name, d, C, with_den) \
  { .message = &esp_message_##name, .dim = d, .channels = C, .den = with_den, .mean = 1 }
static const esp_form forms[] = {
    BODIES(newton, 0, 0.05, 0),    BODIES(newton, 0, 0, 0),      BODIES(newton, 0, 0.2, 6, 8, 0),
    BODIES(newton_mlp, 5, 0.2, 0), BODIES(newton_mlp, 32, 0, 0), BODIES(newton_mlp, 7, 0.2, 6, 8, 7),
    BODIES(law, 1, 0.2, 0),        BODIES(law, 32, 0.2, 0),      BODIES(law, 128, 0, 0),
    BODIES(law, 7, 0.2, 6, 8, 7),  GATES(gate, 1, 1, 0),         GATES(gate, 2, 1, 1),
    GATES(gate, 3, 3, 0),          GATES(gate, 4, 6, 1),         GATES(gate, 8, 1, 0),
    GATES(gate, 16, 16, 1),        GATES(gate_mlp, 1, 1, 1),     GATES(gate_mlp, 2, 5, 0),
    GATES(gate_mlp, 3, 32, 1),     GATES(gate_mlp, 8, 128, 1),   GATES(gate_mlp, 16, 5, 1),
    BODIES(correction, 7, 0.2, 0), BODIES(correction, 32, 0, 0), BODIES(correction, 5, 0.1, 6, 8, 0),
};
enum { FORMS = sizeof forms / sizeof *forms };

static void shown(char text[96], const esp_form *f) {
  snprintf(text, 96, "%s d %d C %d den %d eps %g period %g", f->message->name, f->dim, f->channels, f->den,
           f->softening, f->period[0]);
}

static double *doubles(int count) {
  double *x = NULL;
  MUST(ESP_ALLOC(x, count));
  return x;
}

static double normal(uint64_t what, int i) {
  return esp_rng_normal(what, (uint64_t)i, ESP_RNG_TEST, 0);
}

/* ---- rows ---- */

/* Of n particles; every row array in the order of its slots. */
typedef struct {
  esp_form form;
  esp_widths w;
  int n, bodies; /* bodies: a receiver's row is its source row */
  double *query, *source, *param, *dsum;
} rows;

/* Bodies within 5 (in the period), every fifth without mass, every seventh on its neighbour; keys of gates normal. */
static void rows_fill(rows *r) {
  const esp_form *f = &r->form;
  for (int i = 0; i < r->n; i++) {
    double *k = r->source + i * r->w.source, *q = r->query + i * r->w.query;
    for (int c = 0; c < r->w.source; c++) {
      k[c] = r->bodies ? 5 * esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c) : normal(4 + (uint64_t)c, i);
      if (r->bodies && i % 7 == 3 && c < 3) k[c] = k[c - r->w.source];
    }
    if (r->bodies) k[3] = i % 5 == 2 ? 0 : 0.1 + k[3] / 5;
    for (int c = 0; c < r->w.query; c++) q[c] = c < f->dim ? k[c] : normal(300 + (uint64_t)c, i);
  }
  for (int p = 0; p < r->w.param; p++) r->param[p] = 0.4 * normal(500, p);
  if (!r->bodies) r->param[0] = log(0.7 * sqrt(f->dim));
  for (int k = 0; k < r->n * r->w.sum; k++) r->dsum[k] = normal(600, k);
}

static rows rows_make(const esp_form *f, int n) {
  rows r = {.form = *f, .w = esp_form_widths(f), .n = n};
  r.bodies = !r.w.query;
  r.query = doubles(n * r.w.query);
  r.source = doubles(n * r.w.source);
  r.param = doubles(r.w.param);
  r.dsum = doubles(n * r.w.sum);
  rows_fill(&r);
  return r;
}

static void rows_free(rows *r) {
  ESP_FREE(r->query);
  ESP_FREE(r->source);
  ESP_FREE(r->param);
  ESP_FREE(r->dsum);
}

/* What a pass gives; of bodies dquery is dsource. */
typedef struct {
  double *sum, *dquery, *dsource, *dparam;
} result;

static result result_make(const rows *r) {
  result o = {doubles(r->n * r->w.sum), NULL, doubles(r->n * r->w.dsource), doubles(r->w.param)};
  o.dquery = r->bodies ? o.dsource : doubles(r->n * r->w.dquery);
  return o;
}

static void result_free(const rows *r, result *o) {
  if (!r->bodies) ESP_FREE(o->dquery);
  ESP_FREE(o->sum);
  ESP_FREE(o->dsource);
  ESP_FREE(o->dparam);
}

static void specified(const rows *r, result *o) {
  const double *query = r->bodies ? r->source : r->query;
  esp_specification_forward(&r->form, r->param, 1, r->n, query, r->n, r->source, o->sum);
  esp_specification_backward(&r->form, r->param, 1, r->n, query, r->n, r->source, r->dsum, o->dquery, o->dsource,
                             o->dparam);
}

/* ---- the specification by itself ---- */

static double loss(const rows *r, double *sum) {
  double value = 0;
  esp_specification_forward(&r->form, r->param, 1, r->n, r->bodies ? r->source : r->query, r->n, r->source, sum);
  for (int k = 0; k < r->n * r->w.sum; k++) value += r->dsum[k] * sum[k];
  return value;
}

/* Fourth-order differences by the numbers x of rows of `width` (the first `moved` of each) against slope [..][moved]. */
static void differences(const rows *r, const char *what, double *x, int count, int width, int moved,
                        const double *slope) {
  double *sum = doubles(r->n * r->w.sum), norm = 0;
  const double h = 2e-4;
  char form[96];
  shown(form, &r->form);
  for (int k = 0; k < count * moved; k++) norm += slope[k] * slope[k];
  norm = sqrt(norm / esp_imax(1, count * moved));
  for (int k = 0; k < count * moved; k += 1 + count * moved / 60) {
    double *at = x + k / moved * width + k % moved, value[4];
    const double kept = *at;
    for (int side = 0; side < 4; side++) {
      *at = kept + h * (side < 2 ? 1 : 2) * (side % 2 ? 1 : -1);
      value[side] = loss(r, sum);
    }
    *at = kept;
    const double error = fabs((8 * (value[1] - value[0]) - (value[3] - value[2])) / (12 * h) - slope[k]);
    if (!(error <= 1e-6 * norm)) fail_msg("%s, %s %d: %g is off by %g", form, what, k, slope[k], error);
  }
  ESP_FREE(sum);
}

static void adjoints(void **state) {
  (void)state;
  for (int k = 0; k < FORMS; k++) {
    esp_form form = forms[k];
    if (!form.softening) form.softening = 0.3; /* no differences across a bare body */
    rows r = rows_make(&form, 12);
    for (int i = 3; i < r.n && r.bodies; i += 7) r.source[i * r.w.source] += 0.7; /* none lies on another */
    result o = result_make(&r);
    specified(&r, &o);
    differences(&r, "source", r.source, r.n, r.w.source, r.w.dsource, o.dsource);
    if (!r.bodies) differences(&r, "query", r.query, r.n, r.w.query, r.w.dquery, o.dquery);
    differences(&r, "parameter", r.param, r.w.param, 1, 1, o.dparam);
    result_free(&r, &o);
    rows_free(&r);
  }
}

/* ---- the kernels ---- */

/* Rows from home into slots: of another tree for the queries of gates if `apart`. Their domain is the caller's. */
static esp_domain *to_slots(rows *r, int leaf, int block, int apart) {
  esp_domain *dom;
  int64_t *id = NULL;
  esp_domain_param param = {.leaf = leaf, .block = block, .dim = r->form.dim};
  double *key = doubles(r->n * r->form.dim), *query = doubles(r->n * r->form.dim);
  double *source = doubles(r->n * r->w.source), *queries = doubles(r->n * r->w.query);
  MUST(ESP_ALLOC(id, r->n));
  for (int a = 0; a < 3; a++) param.lists.box[a] = r->form.period[a];
  for (int i = 0; i < r->n; i++) {
    id[i] = 3 * i + 7;
    if (apart) r->query[i * r->w.query] += 0.3;
    for (int a = 0; a < r->form.dim; a++) key[i * r->form.dim + a] = r->source[i * r->w.source + a];
    for (int a = 0; a < r->form.dim && apart; a++) query[i * r->form.dim + a] = r->query[i * r->w.query + a];
  }
  MUST(esp_domain_build_self(esp_comm_self(), &param, r->n, key, apart ? query : NULL, id, &dom));
  MUST(dom->ops->to_slots(dom, sizeof(double) * (size_t)r->w.source, r->source, source));
  if (!r->bodies) MUST(dom->ops->to_receivers(dom, sizeof(double) * (size_t)r->w.query, r->query, queries));
  memcpy(r->source, source, sizeof(double) * (size_t)(r->n * r->w.source));
  memcpy(r->query, queries, sizeof(double) * (size_t)(r->n * r->w.query));
  ESP_FREE(key);
  ESP_FREE(query);
  ESP_FREE(source);
  ESP_FREE(queries);
  ESP_FREE(id);
  return dom;
}

/* What a device's memory needs, put there and got back. */
typedef struct {
  esp_mirror query, source, cell, param, dsum, receiver, sum, dquery, dsource, cell_acc, param_acc;
} memory;

static esp_mirror mirror(const esp_device *device, int count, const double *from) {
  esp_mirror m;
  MUST(esp_mirror_create(device, (size_t)count, &m));
  if (from) memcpy(m.host, from, sizeof(double) * (size_t)count);
  MUST(esp_mirror_put(device, &m));
  return m;
}

static void fetch(const esp_device *device, esp_mirror *m, double *to) {
  MUST(esp_mirror_get(device, m));
  if (to) memcpy(to, m->host, sizeof(double) * m->count);
}

static void computed(const esp_device *device, const rows *r, const esp_domain *dom, result *o) {
  const esp_kernels *kernels = device->kernels(r->form.message);
  const int n = r->n, wide = esp_receiver_width(&r->w), row = wide - r->w.sum, blocks = dom->tree.n_block;
  double *receiver = doubles(n * wide);
  for (int i = 0; i < n; i++) {
    memcpy(receiver + i * wide, (r->bodies ? r->source : r->query) + i * row, sizeof(double) * (size_t)row);
    memcpy(receiver + i * wide + row, r->dsum + i * r->w.sum, sizeof(double) * (size_t)r->w.sum);
  }
  memory m = {.query = mirror(device, n * r->w.query, r->query),
              .source = mirror(device, n * r->w.source, r->source),
              .cell = mirror(device, dom->tree.row_count * r->w.cell, NULL),
              .param = mirror(device, r->w.param, r->param),
              .dsum = mirror(device, n * r->w.sum, r->dsum),
              .receiver = mirror(device, n * wide, receiver),
              .sum = mirror(device, n * r->w.sum, NULL),
              .dquery = mirror(device, n * r->w.dquery, NULL),
              .dsource = mirror(device, n * r->w.dsource, NULL),
              .cell_acc = mirror(device, dom->tree.row_count * r->w.adjoint * ESP_EXACT_CELL_WORDS, NULL),
              .param_acc = mirror(device, r->w.param * ESP_EXACT_FULL_WORDS, NULL)};
  const esp_pairs p = {r->form, r->w, dom, m.param.there, m.query.there, m.source.there, m.cell.there, 0};
  esp_scratch *scratch;
  MUST(kernels->begin(&r->form, dom, &scratch));
  kernels->forward(&p, blocks, dom->block_order, m.sum.there, scratch);
  kernels->receivers(&p, blocks, dom->block_order, m.dsum.there, r->bodies ? m.dsource.there : m.dquery.there,
                     m.cell_acc.there, m.param_acc.there, scratch);
  kernels->senders(&p, blocks, dom->sender_block_order, m.receiver.there, m.dsource.there, m.param_acc.there, scratch);
  kernels->end(&scratch);
  assert_null(scratch);
  fetch(device, &m.sum, o->sum);
  fetch(device, &m.dsource, o->dsource);
  if (!r->bodies) fetch(device, &m.dquery, o->dquery);
  fetch(device, &m.cell_acc, NULL);
  fetch(device, &m.param_acc, NULL);
  const int64_t *acc = m.param_acc.host, *cells = m.cell_acc.host;
  for (int k = 0; k < r->w.param; k++) o->dparam[k] = esp_exact_value(&ESP_EXACT_FULL, acc + k * ESP_EXACT_FULL_WORDS);
  for (size_t k = 0; k < m.cell_acc.count; k++) assert_true(cells[k] == 0);
  esp_mirror *const all = &m.query;
  for (size_t k = 0; k < sizeof m / sizeof *all; k++) esp_mirror_free(device, all + k);
  ESP_FREE(receiver);
}

/* |a - b| / |b| in the 2-norm; |a - b| where b is 0. */
static double distance(int count, const double *a, const double *b) {
  double diff = 0, norm = 0;
  for (int k = 0; k < count; k++) diff += (a[k] - b[k]) * (a[k] - b[k]), norm += b[k] * b[k];
  return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

static void compare(const esp_form *form, int n, int leaf, int block, int apart) {
  rows r = rows_make(form, n);
  char text[96];
  shown(text, form);
  esp_domain *dom = to_slots(&r, leaf, block, apart);
  result want = result_make(&r);
  specified(&r, &want);
  for (int d = 0; esp_devices[d]; d++) {
    if (!esp_devices[d]->kernels(form->message)) continue;
    const int single = !strcmp(esp_devices[d]->precision, "float32");
    result got = result_make(&r);
    computed(esp_devices[d], &r, dom, &got);
    const double error[4] = {
        distance(n * r.w.sum, got.sum, want.sum), distance(n * r.w.dsource, got.dsource, want.dsource),
        r.bodies ? 0 : distance(n * r.w.dquery, got.dquery, want.dquery), distance(r.w.param, got.dparam, want.dparam)};
    for (int k = 0; k < 4; k++)
      if (!(error[k] < (single ? k ? 1e-4 : 1e-5 : k ? 1e-11 : 1e-12)))
        fail_msg("%s, n %d, leaf %d, block %d, %s: sum, source, query, param: number %d is off by %g", text, n, leaf,
                 block, esp_devices[d]->name, k, error[k]);
    result_free(&r, &got);
  }
  result_free(&r, &want);
  esp_domain_free(&dom);
  rows_free(&r);
}

static void every_device(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 7, 8, 9, 31, 32, 33, 200}, shapes[][2] = {{1, 1}, {8, 32}, {3, 7}, {5, 600}};
  for (int k = 0; k < FORMS; k++)
    for (int s = 0; s < 10; s++) {
      const int *shape = shapes[(k + s) % 4];
      if (forms[k].channels > 32 && sizes[s] > 33) continue;
      compare(&forms[k], sizes[s], shape[0], shape[1], 0);
      if (esp_form_widths(&forms[k]).query && s % 2) compare(&forms[k], sizes[s], shape[0], shape[1], 1);
    }
}

/* Each is tried, and its row says of offsets what its widths do, and no more parts than there may be. */
static void every_message(void **state) {
  (void)state;
  for (int list = 0; list < 2; list++) {
    const esp_message *const *rows = list ? esp_key_messages : esp_body_messages;
    for (int m = 0; rows[m]; m++) {
      int seen = 0;
      for (int k = 0; k < FORMS; k++) {
        if (forms[k].message != rows[m]) continue;
        const esp_widths w = esp_form_widths(&forms[k]);
        assert_int_equal(esp_message_has(rows[m], ESP_MESSAGE_OFFSET), w.query > forms[k].dim);
        assert_null(rows[m]->part(&forms[k], ESP_MESSAGE_PARTS).name);
        seen = 1;
      }
      if (!seen) fail_msg("no form of the message %s is tried", rows[m]->name);
      assert_string_equal(list ? esp_key_message_name(m) : esp_body_message_name(m), rows[m]->name);
    }
    assert_null(list ? esp_key_message_name(2) : esp_body_message_name(3));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(adjoints), cmocka_unit_test(every_device),
                                     cmocka_unit_test(every_message)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
