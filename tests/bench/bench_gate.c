/* Nanoseconds a pair and a cell of the gated messages' block routines on one core: all pairs, near leaves alone, and
 * far cells as the difference; forward and the two sides of backward. Not a test: run it by hand on an idle machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "message/gate.h"
#include "net/device.h"

enum { SEED = 3, ROUNDS = 5 };

typedef struct {
  esp_pairs g;
  esp_domain *dom;
  double *key, *query, *source, *cell, *gradient, *receiver, *sum, *dquery, *dsource;
  int64_t *id, *cell_acc, *param_acc;
  double param[1 + ESP_GATE_EDGE * ESP_GATE_MAX_CHANNELS];
} bench_case;

static double normal(uint32_t what, size_t i) {
  return esp_rng_normal(SEED, i, ESP_RNG_TEST, what);
}

static int bench_create(bench_case *c, esp_form form, int n, int leaf, int block, double theta, double s) {
  const esp_widths width = esp_form_widths(&form);
  const size_t m = (size_t)n, d = (size_t)form.dim, qw = (size_t)width.query;
  const size_t sw = (size_t)width.source, W = (size_t)width.sum;
  form.unit = s;
  *c = (bench_case){.g = {.form = form}};
  ESP_CALL(ESP_ALLOC(c->key, m * d));
  ESP_CALL(ESP_ALLOC(c->id, m));
  for (size_t i = 0; i < m * d; i++) c->key[i] = normal(1, i);
  for (int i = 0; i < n; i++) c->id[i] = i;
  esp_domain_param param = {.leaf = leaf, .block = block, .dim = form.dim};
  param.lists.theta = theta, param.lists.rule = &esp_rule_size, param.lists.rule_number = s;
  ESP_CALL(esp_domain_build_self(esp_comm_self(), &param, n, c->key, NULL, c->id, &c->dom));
  const size_t cells = (size_t)c->dom->tree.row_count * (size_t)width.cell;
  double *slot = NULL;
  ESP_CALL(ESP_ALLOC(slot, m * d));
  ESP_CALL(c->dom->ops->to_slots(c->dom, d * sizeof *slot, c->key, slot));
  ESP_CALL(ESP_ALLOC(c->query, m * qw));
  ESP_CALL(ESP_ALLOC(c->source, m * sw));
  ESP_CALL(ESP_ALLOC(c->gradient, m * W));
  ESP_CALL(ESP_ALLOC(c->receiver, m * (qw + W)));
  ESP_CALL(ESP_ALLOC(c->sum, m * W));
  ESP_CALL(ESP_ALLOC(c->dquery, m * qw));
  ESP_CALL(ESP_ALLOC(c->dsource, m * sw));
  ESP_CALL(ESP_ALLOC(c->cell, cells));
  ESP_CALL(ESP_ALLOC(c->cell_acc, cells * ESP_EXACT_CELL_WORDS));
  ESP_CALL(ESP_ALLOC(c->param_acc, (size_t)width.param * ESP_EXACT_FULL_WORDS));
  for (size_t i = 0; i < m; i++) {
    for (size_t a = 0; a < qw; a++) c->query[i * qw + a] = a < d ? slot[i * d + a] : normal(2, i * 128 + a);
    for (size_t a = 0; a < sw; a++) c->source[i * sw + a] = a < d ? slot[i * d + a] : normal(3, i * 128 + a);
    for (size_t a = 0; a < W; a++) c->gradient[i * W + a] = normal(4, i * 128 + a);
    for (size_t a = 0; a < qw + W; a++)
      c->receiver[i * (qw + W) + a] = a < qw ? c->query[i * qw + a] : c->gradient[i * W + a - qw];
  }
  c->param[0] = log(s);
  for (int p = 1; p < width.param; p++) c->param[p] = 0.3 * normal(5, (size_t)p);
  const esp_cells cells_of = esp_form_cells(&form, &width);
  esp_cells_upward(&cells_of, &c->dom->tree, c->source, c->cell);
  c->g = (esp_pairs){form, width, c->dom, c->param, c->query, c->source, c->cell, 0};
  ESP_FREE(slot);
  return ESP_OK;
}

static void bench_free(bench_case *c) {
  esp_domain_free(&c->dom);
  double **const array[] = {&c->key,      &c->query, &c->source, &c->cell,   &c->gradient,
                            &c->receiver, &c->sum,   &c->dquery, &c->dsource};
  for (size_t a = 0; a < sizeof array / sizeof *array; a++) ESP_FREE(*array[a]);
  ESP_FREE(c->id);
  ESP_FREE(c->cell_acc);
  ESP_FREE(c->param_acc);
}

/* Best seconds of the three passes. */
static int bench_time(bench_case *c, const esp_device *device, double best[3]) {
  const int blocks = c->dom->tree.n_block;
  const esp_kernels *kernels = device->kernels(c->g.form.message);
  esp_scratch *scratch;
  ESP_CALL(kernels->begin(&c->g.form, c->dom, &scratch));
  best[0] = best[1] = best[2] = 1e30;
  for (int round = 0; round < ROUNDS; round++) {
    const double t0 = esp_wall();
    kernels->forward(&c->g, blocks, c->dom->block_order, c->sum, scratch);
    const double t1 = esp_wall();
    kernels->receivers(&c->g, blocks, c->dom->block_order, c->gradient, c->dquery, c->cell_acc, c->param_acc, scratch);
    const double t2 = esp_wall();
    kernels->senders(&c->g, blocks, c->dom->sender_block_order, c->receiver, c->dsource, c->param_acc, scratch);
    const double t[3] = {t1 - t0, t2 - t1, esp_wall() - t2};
    for (int k = 0; k < 3; k++) best[k] = fmin(best[k], t[k]);
  }
  kernels->end(&scratch);
  return ESP_OK;
}

/* Near pairs alone (the far lists emptied), then what the far cells add. */
static int measure(const char *label, const esp_device *device, esp_form form, int n, int leaf, int block, double theta,
                   double s) {
  bench_case c;
  double all[3], near[3];
  ESP_CALL(bench_create(&c, form, n, leaf, block, theta, s));
  ESP_CALL(bench_time(&c, device, all));
  const double pairs = (double)c.dom->lists.near_pairs + n, cells = (double)c.dom->lists.far_pairs;
  for (int b = 0; b <= c.dom->lists.n_block; b++) c.dom->lists.far_start[b] = 0;
  ESP_CALL(bench_time(&c, device, near));
  printf("%-44s near %6.0f far %5.0f a particle; ns a pair: forward %6.3f receivers %6.3f senders %6.3f", label,
         pairs / n, cells / n, near[0] / pairs * 1e9, near[1] / pairs * 1e9, near[2] / pairs * 1e9);
  if (cells > 0)
    printf("; a cell: forward %6.3f receivers %6.3f", (all[0] - near[0]) / cells * 1e9,
           (all[1] - near[1]) / cells * 1e9);
  printf("\n");
  bench_free(&c);
  return ESP_OK;
}

/* The machine's own limit: every pair needs a squared distance in d dimensions, counted as 2 d fused operations. From
 * the first cache, ns a pair with nothing else. */
static double distance_limit(int d) {
  enum { N = 1024, REPEATS = 20000 };
  static float x[N], y[N];
  double best = 1e30;
  for (int i = 0; i < N; i++) x[i] = (float)i;
  for (int round = 0; round < ROUNDS; round++) {
    const double begin = esp_wall();
    for (int r = 0; r < REPEATS; r++) {
      x[r % N] += 1;
#pragma omp simd
      for (int i = 0; i < N; i++) {
        float sum = y[i];
        for (int a = 0; a < d; a++) sum += (x[i] - (float)a) * (x[i] - (float)a);
        y[i] = sum;
      }
    }
    best = fmin(best, (esp_wall() - begin) / ((double)N * REPEATS));
  }
  return y[7] > 0 ? best * 1e9 : 0;
}

static int run(int n) {
  printf("limit: squared distances in float32, d 4: %.3f, d 8: %.3f ns a pair\n", distance_limit(4), distance_limit(8));
  const esp_device *t32 = &esp_device_cpu32, *t64 = &esp_device_cpu64;
  for (int d = 2; d <= 8; d *= 2) {
    const double bound = d < 4 ? 0.3 : d < 8 ? 0.5 : 0.8;
    const esp_form one = {.message = &esp_message_gate, .dim = d, .channels = 1},
                   two = {.message = &esp_message_gate, .dim = d, .channels = 1, .den = 1};
    char label[80];
    snprintf(label, sizeof label, "d %d C 1, all pairs", d);
    ESP_CALL(measure(label, t32, one, n, 16, 64, 0, sqrt(d)));
    snprintf(label, sizeof label, "d %d C 1 average, all pairs", d);
    ESP_CALL(measure(label, t32, two, n, 16, 64, 0, sqrt(d)));
    for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
      esp_form far = two;
      far.order = order;
      snprintf(label, sizeof label, "d %d C 1 average, theta %g, order %d, leaf 8", d, bound, order);
      ESP_CALL(measure(label, t32, far, n, 8, 64, bound, sqrt(d)));
    }
    const esp_form small = {.message = &esp_message_gate, .dim = d, .channels = 1, .den = 1, .order = 2};
    snprintf(label, sizeof label, "d %d C 1 average, order 2, leaf 8 block 8", d);
    ESP_CALL(measure(label, t32, small, n, 8, 8, bound, sqrt(d)));
  }
  const esp_form few = {.message = &esp_message_gate, .dim = 4, .channels = 4, .den = 1, .order = 2},
                 many = {.message = &esp_message_gate, .dim = 4, .channels = 16, .den = 1, .order = 2};
  const esp_form wide = {.message = &esp_message_gate, .dim = 16, .channels = 1, .den = 1},
                 mlp = {.message = &esp_message_gate_mlp, .dim = 4, .channels = 16, .den = 1};
  ESP_CALL(measure("d 4 C 4 average, theta 0.5, order 2", t32, few, n, 8, 64, 0.5, 2));
  ESP_CALL(measure("d 4 C 16 average, theta 0.5, order 2", t32, many, n, 8, 64, 0.5, 2));
  ESP_CALL(measure("d 16 C 1 average, all pairs", t32, wide, n, 8, 64, 0, 4));
  ESP_CALL(measure("d 4 mlp C 16 average, theta 0.8", t32, mlp, n / 4, 8, 64, 0.8, 2));
  const esp_form two = {.message = &esp_message_gate, .dim = 4, .channels = 1, .den = 1, .order = 2};
  ESP_CALL(measure("float64: d 4 C 1 average, theta 0.8, order 2", t64, two, n / 4, 8, 64, 0.8, 2));
  return ESP_OK;
}

int main(int argc, char **argv) {
  if (run(argc > 1 ? atoi(argv[1]) : 8192) == ESP_OK) return 0;
  fprintf(stderr, "%s\n", esp_error_message());
  return 1;
}
