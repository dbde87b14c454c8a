/* What the device's messages take, beside what the device can do at most: one table, Markdown on stdout and CSV into a file.
 *   bench_device FILE.csv [n]     n 1048576, of which 20000 are held against the CPU, bit by bit
 * `operations`: float32 operations a pair by count of the text (cuda/body_lane.cuh; the gates' about), a product-sum is one; `share`: of the
 * rate of product-sums. Exit status: 1 if a bit differs, 77 where there is no device. Not a test: jobscripts/gpu_check.sh. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cuda/device.h"
#include "cuda/kernels.h"
#include "net/layer.h"
#include "tests/cuda/ceilings.h"
#include "tests/mirror.h"

enum { SEED = 3, HELD = 20000, H = 32, BEST_OF = 3, PASSES = 3 };

/* Operations a near pair, forward, receivers, senders. */
typedef struct {
  const char *name;
  esp_form form;
  double theta, density; /* of the cube that keys fill */
  double operations[PASSES];
} bench_case;
#define FORM(name, d, C, ...) \
  { .message = &esp_message_##name, .dim = d, .channels = C, __VA_ARGS__ }
static const bench_case cases[] = {
    {"newton", FORM(newton, 3, 0, .softening = 0.05, .mean = 1), 0.7, 1, {15, 23, 23}},
    {"law, H 32", FORM(law, 3, H, .softening = 0.05, .mean = 1), 0.7, 1, {50 + 28 * H, 70 + 86 * H, 70 + 35 * H}},
    {"gate, d 2", FORM(gate, 2, 1, .den = 1, .order = 2), 0.4, 20, {21, 27, 27}},
    {"gate, d 4, C 16", FORM(gate, 4, 16, .den = 1, .order = 1), 0.4, 20, {40, 50, 65}},
    {"gate_mlp, d 2, C 16", FORM(gate_mlp, 2, 16, .den = 0), 0.4, 20, {19 + 25 * 16, 24 + 33 * 16, 24 + 30 * 16}}};
static const char *const pass_name[PASSES] = {"forward", "receivers", "senders"};

/* Everything of one layer, home rows: [n] of each width. */
typedef struct {
  const bench_case *of;
  esp_widths w;
  int n;
  double *key, *value, *offset, *sum, *dsum, *dkey, *dvalue, *doffset, *weight;
  int64_t *id, *acc;
} cloud;

static int fill(double **to, int n, int width, uint32_t stream) {
  ESP_CALL(ESP_ALLOC(*to, (size_t)n * (size_t)width));
  for (size_t k = 0; k < (size_t)n * (size_t)width && stream; k++)
    (*to)[k] = esp_rng_normal(SEED, k, ESP_RNG_TEST, stream);
  return ESP_OK;
}

static int cloud_create(const bench_case *of, int n, cloud *c) {
  const esp_form *f = &of->form;
  *c = (cloud){.of = of, .w = esp_form_widths(f), .n = n};
  const int d = f->dim, values = c->w.source - d, offsets = c->w.query > d ? c->w.query - d : 0;
  const double side = pow(n / of->density, 1.0 / d);
  ESP_CALL(fill(&c->key, n, d, 0));
  ESP_CALL(fill(&c->value, n, values, 1));
  ESP_CALL(fill(&c->offset, n, offsets, 2));
  ESP_CALL(fill(&c->sum, n, c->w.sum, 0));
  ESP_CALL(fill(&c->dsum, n, c->w.sum, 3));
  ESP_CALL(fill(&c->dkey, n, d, 0));
  ESP_CALL(fill(&c->dvalue, n, values, 0));
  ESP_CALL(fill(&c->doffset, n, offsets, 0));
  ESP_CALL(fill(&c->weight, 1, c->w.param, 4));
  ESP_CALL(ESP_ALLOC(c->id, n));
  ESP_CALL(ESP_ALLOC(c->acc, (size_t)c->w.param * ESP_EXACT_FULL_WORDS));
  for (size_t k = 0; k < (size_t)n * (size_t)d; k++) c->key[k] = side * esp_rng_uniform(SEED, k, ESP_RNG_TEST, 0);
  for (int i = 0; i < n; i++) c->id[i] = i;
  for (int i = 0; i < n && d == 3; i++) c->value[i] = 1;                                 /* masses */
  for (int k = 0; k < c->w.param; k++) c->weight[k] *= f->message->fade && !k ? 0 : 0.3; /* ln s = 0 */
  return ESP_OK;
}

static void cloud_free(cloud *c) {
  double **const all[] = {&c->key,  &c->value,  &c->offset,  &c->sum,   &c->dsum,
                          &c->dkey, &c->dvalue, &c->doffset, &c->weight};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) ESP_FREE(*all[k]);
  ESP_FREE(c->id);
  ESP_FREE(c->acc);
}

static esp_backend backend_of(const esp_device *device) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  return backend;
}

static int layer_of(const esp_device *device, cloud *c, esp_layer *layer) {
  const esp_backend backend = backend_of(device);
  const int offsets = c->w.query > c->of->form.dim;
  esp_layer_param p = {.domain = {.leaf = 8, .block = 64, .dim = c->of->form.dim}, .form = c->of->form};
  p.domain.lists.theta = c->of->theta;
  const esp_layer_input in = {.id = c->id, .key = c->key, .value = c->value, .offset = offsets ? c->offset : NULL};
  return esp_layer_forward(&backend, &p, c->n, &in, c->weight, c->sum, layer);
}

/* A layer forward and back on both: 1 if a bit differs. */
static int differ(const bench_case *of, int *different) {
  cloud by[2];
  const esp_device *const device[2] = {&esp_device_cpu32, &esp_device_cuda32};
  for (int k = 0; k < 2; k++) {
    esp_layer layer;
    const esp_backend backend = backend_of(device[k]);
    ESP_CALL(cloud_create(of, HELD, &by[k]));
    ESP_CALL(layer_of(device[k], &by[k], &layer));
    const esp_layer_gradient to = {.dkey = by[k].dkey,
                                   .dvalue = by[k].w.dsource > of->form.dim ? by[k].dvalue : NULL,
                                   .doffset = layer.host.in.offset ? by[k].doffset : NULL};
    ESP_CALL(esp_layer_backward(&backend, &layer, by[k].dsum, &to, by[k].acc, NULL));
    esp_layer_free(&layer);
  }
  const esp_widths *w = &by[0].w;
  const size_t one = HELD * sizeof(double), d = (size_t)of->form.dim;
  *different = memcmp(by[0].sum, by[1].sum, (size_t)w->sum * one) || memcmp(by[0].dkey, by[1].dkey, d * one) ||
               memcmp(by[0].dvalue, by[1].dvalue, ((size_t)w->source - d) * one);
  for (int k = 0; k < w->param; k++)
    *different |= esp_exact_value(&ESP_EXACT_FULL, by[0].acc + k * ESP_EXACT_FULL_WORDS) !=
                  esp_exact_value(&ESP_EXACT_FULL, by[1].acc + k * ESP_EXACT_FULL_WORDS);
  for (int k = 0; k < 2; k++) cloud_free(&by[k]);
  return ESP_OK;
}

/* What the passes read and write, in slots: home order serves as well. */
typedef struct {
  esp_mirror sum, dsum, receiver, dquery, dsource, cell_acc, param_acc;
} rows;

static int rows_create(const esp_device *device, const esp_layer *layer, const cloud *c, rows *r) {
  const esp_widths *w = &layer->width;
  const size_t n = (size_t)c->n, cells = (size_t)layer->dom->tree.row_count, wide = (size_t)esp_receiver_width(w);
  const size_t own = wide - (size_t)w->sum, sums = (size_t)w->sum;
  ESP_CALL(esp_mirror_create(device, sums * n, &r->sum));
  ESP_CALL(esp_mirror_create(device, sums * n, &r->dsum));
  ESP_CALL(esp_mirror_create(device, wide * n, &r->receiver));
  ESP_CALL(esp_mirror_create(device, (size_t)(w->query ? w->dquery : w->dsource) * n, &r->dquery));
  ESP_CALL(esp_mirror_create(device, (size_t)w->dsource * n, &r->dsource));
  ESP_CALL(esp_mirror_create(device, cells * (size_t)w->adjoint * ESP_EXACT_CELL_WORDS, &r->cell_acc));
  ESP_CALL(esp_mirror_create(device, (size_t)w->param * ESP_EXACT_FULL_WORDS, &r->param_acc));
  memcpy(r->dsum.host, c->dsum, sums * n * sizeof(double));
  double *to = r->receiver.host, *from = w->query ? layer->query.host : layer->source.host;
  for (size_t i = 0; i < n; i++) {
    memcpy(to + wide * i, from + own * i, own * sizeof(double));
    memcpy(to + wide * i + own, c->dsum + sums * i, sums * sizeof(double));
  }
  ESP_CALL(esp_mirror_put(device, &r->dsum));
  return esp_mirror_put(device, &r->receiver);
}

static void rows_free(const esp_device *device, rows *r) {
  esp_mirror *const all[] = {&r->sum, &r->dsum, &r->receiver, &r->dquery, &r->dsource, &r->cell_acc, &r->param_acc};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) esp_mirror_free(device, all[k]);
}

static int pass(const esp_kernels *k, int which, const esp_layer *layer, const rows *r, esp_scratch *scratch) {
  const esp_pairs p = esp_layer_pairs(layer);
  const esp_domain *dom = layer->dom;
  const int blocks = dom->tree.n_block;
  if (which == 0) return k->forward(&p, blocks, dom->block_order, r->sum.there, scratch);
  if (which == 1)
    return k->receivers(&p, blocks, dom->block_order, r->dsum.there, r->dquery.there, r->cell_acc.there,
                        r->param_acc.there, scratch);
  return k->senders(&p, blocks, dom->sender_block_order, r->receiver.there, r->dsource.there, r->param_acc.there,
                    scratch);
}

static int measure(const bench_case *of, int n, const ceilings *top, int different, FILE *csv) {
  const esp_device *device = &esp_device_cuda32;
  const esp_kernels *kernels = device->kernels(of->form.message);
  cloud c;
  rows r = {0};
  esp_layer layer;
  esp_scratch *scratch;
  ESP_CALL(cloud_create(of, n, &c));
  ESP_CALL(layer_of(device, &c, &layer));
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
    const double speed = (near + far) / best, share = near / best * of->operations[k] / top->fma;
    printf("| %s | %s | %d | %.0f | %.0f | %.3f | %.2f | %.0f | %.0f %% | %s |\n", of->name, pass_name[k], n, near / n,
           far / n, 1e3 * best, 1e-9 * speed, of->operations[k], 100 * share,
           different > 0 ? "NO"
           : different   ? "not held"
                         : "yes");
    fprintf(csv, "\"%s\",%s,%d,%.17g,%.17g,%.17g,%.17g,%.0f,%.4f,%d\n", of->name, pass_name[k], n, near / n, far / n,
            best, speed, of->operations[k], share, different == 0);
  }
  rows_free(device, &r);
  kernels->end(&scratch);
  esp_layer_free(&layer);
  cloud_free(&c);
  return ESP_OK;
}

static int run(FILE *csv, int n, int modelled, int *bad) {
  esp_device_info info;
  ceilings top;
  ESP_CALL(esp_device_query(0, &info));
  ESP_CALL(ceilings_measure(modelled ? 1 << 16 : (size_t)1 << 30, modelled ? 4 : 4096, &top));
  printf("%s, %d multiprocessors: copies %.0f GB/s, product-sums %.2f T/s, 1/sqrt %.2f T/s (IEEE 754: %.2f)\n\n",
         info.name, info.multiprocessors, 1e-9 * top.copy, 1e-12 * top.fma, 1e-12 * top.root, 1e-12 * top.divided);
  printf("| message | pass | n | near pairs | cells | ms | Gpair/s | operations a pair | share | the CPU's bits |\n");
  printf("|---|---|---|---|---|---|---|---|---|---|\n");
  fprintf(csv, "message,pass,n,near,cells,seconds,pairs_per_s,operations,share,same_bits\n");
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int different = -1; /* not known */
    if (!modelled) ESP_CALL(differ(cases + k, &different));
    ESP_CALL(measure(cases + k, n, &top, different, csv));
    *bad |= different > 0;
  }
  return ESP_OK;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "bench_device FILE.csv [n]\n"), 2;
  const int n = argc > 2 ? atoi(argv[2]) : 1 << 20;
  int bad = 0;
  const int none = esp_device_cuda32.open(0, 1);
  if (none) return fprintf(stderr, "%s\n", esp_error_message()), none == ESP_ERR_CONFIG ? 77 : 2;
  FILE *csv = fopen(argv[1], "w");
  if (!csv) return perror(argv[1]), 2;
  const int rc = run(csv, n, n < HELD, &bad);
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  return fclose(csv) || rc ? 2 : bad;
}
