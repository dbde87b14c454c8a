/* What the device's messages take, beside what the device can do at most: one table, Markdown on stdout and CSV into a file.
 *   bench_device FILE.csv [n]     n 1048576, of which 20000 are held against the CPU, bit by bit
 * `operations`: float32 operations a pair by count of the text (cuda/body_lane.cuh), a product-sum is one; `share`: of the
 * rate of product-sums. Exit status: 1 if a bit differs, 77 where there is no device. Not a test: jobscripts/gpu_check.sh. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cuda/device.h"
#include "cuda/kernels.h"
#include "message/law.h"
#include "net/layer.h"
#include "tests/cuda/ceilings.h"

enum { SEED = 3, HELD = 20000, H = 32, COUNT = 7 * H, BEST_OF = 3, PASSES = 3 };

typedef struct {
  int n;
  double *y, *mu, *a, *g, *dy; /* [n][3], mu [n] */
  int64_t *id, *acc;
} cloud;

/* Operations a near pair, forward, receivers, senders. */
static const struct {
  const char *name;
  const esp_message *message;
  double operations[PASSES];
} cases[] = {{"newton", &esp_message_newton, {15, 23, 23}},
             {"law, H 32", &esp_message_law, {50 + 28 * H, 70 + 86 * H, 70 + 35 * H}}};
static const char *const pass_name[PASSES] = {"forward", "receivers", "senders"};

static int cloud_create(int n, cloud *c) {
  const size_t all = (size_t)n;
  *c = (cloud){.n = n};
  ESP_CALL(ESP_ALLOC(c->y, 3 * all));
  ESP_CALL(ESP_ALLOC(c->mu, all));
  ESP_CALL(ESP_ALLOC(c->a, 3 * all));
  ESP_CALL(ESP_ALLOC(c->g, 3 * all));
  ESP_CALL(ESP_ALLOC(c->dy, 3 * all));
  ESP_CALL(ESP_ALLOC(c->id, all));
  ESP_CALL(ESP_ALLOC(c->acc, (size_t)COUNT * ESP_EXACT_FULL_WORDS));
  for (size_t i = 0; i < all; i++) {
    c->id[i] = (int64_t)i;
    c->mu[i] = 1;
    for (size_t k = 0; k < 3; k++) {
      c->y[3 * i + k] = cbrt(n) * esp_rng_uniform(SEED, i, ESP_RNG_TEST, (uint32_t)k);
      c->g[3 * i + k] = esp_rng_normal(SEED, i, ESP_RNG_TEST, 8 + (uint32_t)k);
    }
  }
  return ESP_OK;
}

static void cloud_free(cloud *c) {
  ESP_FREE(c->y);
  ESP_FREE(c->mu);
  ESP_FREE(c->a);
  ESP_FREE(c->g);
  ESP_FREE(c->dy);
  ESP_FREE(c->id);
  ESP_FREE(c->acc);
}

static esp_layer_param param_of(const esp_message *message) {
  esp_layer_param p = {.domain = {.leaf = 8, .block = 64, .dim = 3},
                       .form = {.message = message, .dim = 3, .channels = H, .softening = 0.05, .mean = 1}};
  p.domain.lists.theta = 0.7;
  return p;
}

static int layer_of(const esp_device *device, const esp_message *message, cloud *c, const double *weight,
                    esp_layer *layer) {
  esp_backend backend = esp_backend_self();
  const esp_layer_param p = param_of(message);
  const esp_layer_input in = {.id = c->id, .key = c->y, .value = c->mu};
  backend.device = device;
  return esp_layer_forward(&backend, &p, c->n, &in, weight, c->a, layer);
}

/* A layer forward and back on both: 1 if a bit differs. */
static int differ(const esp_message *message, const double *weight, int *different) {
  cloud by[2];
  const esp_device *const device[2] = {&esp_device_cpu32, &esp_device_cuda32};
  for (int k = 0; k < 2; k++) {
    esp_layer layer;
    const esp_backend backend = {.comm = esp_comm_self(), .build = esp_domain_build_self, .device = device[k]};
    ESP_CALL(cloud_create(HELD, &by[k]));
    ESP_CALL(layer_of(device[k], message, &by[k], weight, &layer));
    const esp_layer_gradient to = {.dkey = by[k].dy};
    ESP_CALL(esp_layer_backward(&backend, &layer, by[k].g, &to, by[k].acc, NULL));
    esp_layer_free(&layer);
  }
  const size_t bytes = 3 * (size_t)HELD * sizeof(double);
  *different = memcmp(by[0].a, by[1].a, bytes) || memcmp(by[0].dy, by[1].dy, bytes);
  for (int k = 0; k < COUNT; k++)
    *different |= esp_exact_value(&ESP_EXACT_FULL, by[0].acc + k * ESP_EXACT_FULL_WORDS) !=
                  esp_exact_value(&ESP_EXACT_FULL, by[1].acc + k * ESP_EXACT_FULL_WORDS);
  for (int k = 0; k < 2; k++) cloud_free(&by[k]);
  return ESP_OK;
}

typedef struct {
  esp_mirror sum, dsum, receiver, dy, cell_acc, param_acc;
} rows;

static int rows_create(const esp_device *device, const esp_layer *layer, const cloud *c, rows *r) {
  const size_t n = (size_t)c->n, cells = (size_t)layer->dom->tree.row_count;
  const size_t wide = (size_t)esp_receiver_width(&layer->width);
  ESP_CALL(esp_mirror_create(device, 3 * n, &r->sum));
  ESP_CALL(esp_mirror_create(device, 3 * n, &r->dsum));
  ESP_CALL(esp_mirror_create(device, wide * n, &r->receiver));
  ESP_CALL(esp_mirror_create(device, 3 * n, &r->dy));
  ESP_CALL(esp_mirror_create(device, cells * ESP_MASS_ADJOINT * ESP_EXACT_CELL_WORDS, &r->cell_acc));
  ESP_CALL(esp_mirror_create(device, (size_t)COUNT * ESP_EXACT_FULL_WORDS, &r->param_acc));
  memcpy(r->dsum.host, c->g, 3 * n * sizeof(double));
  double *to = r->receiver.host, *source = layer->source.host;
  for (size_t i = 0; i < n; i++) {
    memcpy(to + wide * i, source + ESP_BODY * i, ESP_BODY * sizeof(double));
    memcpy(to + wide * i + ESP_BODY, c->g + 3 * i, 3 * sizeof(double));
  }
  ESP_CALL(esp_mirror_put(device, &r->dsum, 0, r->dsum.count));
  return esp_mirror_put(device, &r->receiver, 0, r->receiver.count);
}

static void rows_free(const esp_device *device, rows *r) {
  esp_mirror *const all[] = {&r->sum, &r->dsum, &r->receiver, &r->dy, &r->cell_acc, &r->param_acc};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) esp_mirror_free(device, all[k]);
}

static int pass(const esp_kernels *k, int which, const esp_layer *layer, const rows *r, esp_scratch *scratch) {
  const esp_pairs p = esp_layer_pairs(layer);
  const esp_domain *dom = layer->dom;
  const int blocks = dom->tree.n_block;
  if (which == 0) return k->forward(&p, blocks, dom->block_order, r->sum.there, scratch);
  if (which == 1)
    return k->receivers(&p, blocks, dom->block_order, r->dsum.there, r->dy.there, r->cell_acc.there, r->param_acc.there,
                        scratch);
  return k->senders(&p, blocks, dom->sender_block_order, r->receiver.there, r->dy.there, r->param_acc.there, scratch);
}

static int measure(int which, int n, const double *weight, const ceilings *top, int different, FILE *csv) {
  const esp_device *device = &esp_device_cuda32;
  const esp_message *message = cases[which].message;
  const esp_kernels *kernels = device->kernels(message);
  cloud c;
  rows r = {0};
  esp_layer layer;
  esp_scratch *scratch;
  ESP_CALL(cloud_create(n, &c));
  ESP_CALL(layer_of(device, message, &c, weight, &layer));
  ESP_CALL(kernels->begin(&layer.param.form, layer.dom, &scratch));
  ESP_CALL(rows_create(device, &layer, &c, &r));
  for (int k = 0; k < PASSES; k++) {
    double best = 1e30;
    for (int repeat = 0; repeat < BEST_OF; repeat++) {
      const double begin = esp_wall();
      ESP_CALL(pass(kernels, k, &layer, &r, scratch));
      ESP_CALL(esp_device_wait());
      best = fmin(best, esp_wall() - begin);
    }
    const double near = (double)layer.dom->lists.near_pairs, far = k < 2 ? (double)layer.dom->lists.far_pairs : 0;
    const double speed = (near + far) / best, share = near / best * cases[which].operations[k] / top->fma;
    printf("| %s | %s | %d | %.0f | %.0f | %.3f | %.2f | %.0f | %.0f %% | %s |\n", cases[which].name, pass_name[k], n,
           near / n, far / n, 1e3 * best, 1e-9 * speed, cases[which].operations[k], 100 * share,
           different > 0 ? "NO"
           : different   ? "not held"
                         : "yes");
    fprintf(csv, "\"%s\",%s,%d,%.17g,%.17g,%.17g,%.17g,%.0f,%.4f,%d\n", cases[which].name, pass_name[k], n, near / n,
            far / n, best, speed, cases[which].operations[k], share, different == 0);
  }
  rows_free(device, &r);
  kernels->end(&scratch);
  esp_layer_free(&layer);
  cloud_free(&c);
  return ESP_OK;
}

static int run(FILE *csv, int n, int modelled, int *bad) {
  static double weight[COUNT];
  esp_device_info info;
  ceilings top;
  for (int k = 0; k < COUNT; k++) weight[k] = 0.3 * esp_rng_normal(SEED, (uint64_t)k, ESP_RNG_WEIGHT, 0);
  ESP_CALL(esp_device_query(0, &info));
  ESP_CALL(ceilings_measure(modelled ? 1 << 16 : (size_t)1 << 30, modelled ? 4 : 4096, &top));
  printf("%s, %d multiprocessors: copies %.0f GB/s, product-sums %.2f T/s, 1/sqrt %.2f T/s (IEEE 754: %.2f)\n\n",
         info.name, info.multiprocessors, 1e-9 * top.copy, 1e-12 * top.fma, 1e-12 * top.root, 1e-12 * top.divided);
  printf("| message | pass | n | near pairs | cells | ms | Gpair/s | operations a pair | share | the CPU's bits |\n");
  printf("|---|---|---|---|---|---|---|---|---|---|\n");
  fprintf(csv, "message,pass,n,near,cells,seconds,pairs_per_s,operations,share,same_bits\n");
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int different = -1; /* not known */
    if (!modelled) ESP_CALL(differ(cases[k].message, weight, &different));
    ESP_CALL(measure((int)k, n, weight, &top, different, csv));
    *bad |= different > 0;
  }
  return ESP_OK;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "bench_device FILE.csv [n]\n"), 2;
  const int n = argc > 2 ? atoi(argv[2]) : 1 << 20;
  int bad = 0;
  if (esp_device_cuda32.open(0, 1)) return fprintf(stderr, "%s\n", esp_error_message()), 77;
  FILE *csv = fopen(argv[1], "w");
  if (!csv) return perror(argv[1]), 2;
  const int rc = run(csv, n, n < HELD, &bad);
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  return fclose(csv) || rc ? 2 : bad;
}
