/* Pairs per second of the block routines on one core: dense blocks of near pairs, and near plus far of a uniform ball's
 * tree, forward and backward, with the learned message beside them. Not a test: run it by hand on an idle machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "message/law.h"
#include "net/layer.h"

enum { SEED = 3 };

typedef struct {
  int n;
  double (*y)[3], *mu, (*a)[3], (*g)[3], (*dy)[3];
  int64_t *id;
} cloud;

static int cloud_create(int n, cloud *c) {
  c->n = n;
  ESP_CALL(ESP_ALLOC(c->y, n));
  ESP_CALL(ESP_ALLOC(c->mu, n));
  ESP_CALL(ESP_ALLOC(c->a, n));
  ESP_CALL(ESP_ALLOC(c->g, n));
  ESP_CALL(ESP_ALLOC(c->dy, n));
  ESP_CALL(ESP_ALLOC(c->id, n));
  for (int i = 0; i < n; i++) {
    c->id[i] = i;
    c->mu[i] = 1;
    for (int k = 0; k < 3; k++) {
      c->y[i][k] = 20 * esp_rng_uniform(SEED, (uint64_t)i, ESP_RNG_TEST, (uint32_t)k);
      c->g[i][k] = esp_rng_normal(SEED, (uint64_t)i, ESP_RNG_TEST, 8 + (uint32_t)k);
    }
  }
  return ESP_OK;
}

/* Best of five, of forward and of the two sides of backward, without the tree. */
static int measure(const char *label, const esp_device *device, const cloud *c, const esp_layer_param *param,
                   const double *learned) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  esp_layer layer;
  const esp_layer_input input = {.id = c->id, .key = (const double *)c->y, .value = c->mu};
  ESP_CALL(esp_layer_forward(&backend, param, c->n, &input, learned, (double *)c->a, &layer));
  const esp_domain *dom = layer.dom;
  const esp_pairs pairs = esp_layer_pairs(&layer);
  const esp_kernels *kernels = device->kernels(param->form.message);
  esp_scratch *scratch;
  ESP_CALL(kernels->begin(&param->form, dom, &scratch));
  double(*receiver)[ESP_BODY + ESP_BODY_SUM];
  int64_t *cell_acc, *param_acc;
  ESP_CALL(ESP_ALLOC(receiver, c->n));
  ESP_CALL(ESP_ALLOC(cell_acc, (size_t)dom->tree.row_count * ESP_MASS_ADJOINT * ESP_EXACT_CELL_WORDS));
  ESP_CALL(ESP_ALLOC(param_acc, (size_t)pairs.width.param * ESP_EXACT_FULL_WORDS));
  for (int i = 0; i < c->n; i++)
    for (int k = 0; k < 4; k++) {
      receiver[i][k] = pairs.source[ESP_BODY * i + k];
      if (k < 3) receiver[i][ESP_BODY + k] = c->g[i][k];
    }
  double best[3] = {1e30, 1e30, 1e30};
  for (int repeat = 0; repeat < 5; repeat++) {
    const double t0 = esp_wall();
    kernels->forward(&pairs, dom->tree.n_block, dom->block_order, (double *)c->a, scratch);
    const double t1 = esp_wall();
    kernels->receivers(&pairs, dom->tree.n_block, dom->block_order, (const double *)c->g, (double *)c->dy, cell_acc,
                       param_acc, scratch);
    const double t2 = esp_wall();
    kernels->senders(&pairs, dom->tree.n_block, dom->block_order, (const double *)receiver, (double *)c->dy, param_acc,
                     scratch);
    const double t3 = esp_wall();
    const double t[3] = {t1 - t0, t2 - t1, t3 - t2};
    for (int k = 0; k < 3; k++)
      if (t[k] < best[k]) best[k] = t[k];
  }
  const double near = (double)dom->lists.near_pairs, far = (double)dom->lists.far_pairs;
  printf("%-34s near %7.0f far %6.0f a particle; Gpair/s: forward %6.3f receivers %6.3f senders(near) %6.3f\n", label,
         near / c->n, far / c->n, (near + far) / best[0] * 1e-9, (near + far) / best[1] * 1e-9, near / best[2] * 1e-9);
  kernels->end(&scratch);
  ESP_FREE(receiver);
  ESP_FREE(cell_acc);
  ESP_FREE(param_acc);
  esp_layer_free(&layer);
  return ESP_OK;
}

static void cloud_free(cloud *c) {
  ESP_FREE(c->y);
  ESP_FREE(c->mu);
  ESP_FREE(c->a);
  ESP_FREE(c->g);
  ESP_FREE(c->dy);
  ESP_FREE(c->id);
}

/* The machine's own limit: every pair needs one exact 1/sqrt. From the first cache, in G/s. */
static double root_limit(void) {
  enum { N = 1024, REPEATS = 20000 };
  static float x[N], y[N];
  double best = 0;
  for (int i = 0; i < N; i++) x[i] = 1 + (float)i;
  for (int repeat = 0; repeat < 5; repeat++) {
    const double begin = esp_wall();
    for (int r = 0; r < REPEATS; r++) {
      x[r % N] += 1;
#pragma omp simd
      for (int i = 0; i < N; i++) y[i] += 1 / sqrtf(x[i]);
    }
    const double rate = (double)N * REPEATS / (esp_wall() - begin) * 1e-9;
    if (rate > best) best = rate;
  }
  return y[7] > 0 ? best : 0;
}

static int run(void) {
  cloud c;
  enum { H = 32, COUNT = H * 7 };
  double weight[COUNT];
  for (int p = 0; p < COUNT; p++) weight[p] = 0.3 * esp_rng_normal(SEED, (uint64_t)p, ESP_RNG_WEIGHT, 0);
  printf("limit: 1/sqrt in float32 %.2f G/s\n", root_limit());
  ESP_CALL(cloud_create(8192, &c));
  esp_layer_param p = {.domain = {.leaf = 8, .block = 64, .dim = 3},
                       .form = {.message = &esp_message_newton, .dim = 3, .channels = H, .softening = 0.05, .mean = 1}};
  p.domain.lists.theta = 0;
  ESP_CALL(measure("newton32, all pairs", &esp_device_cpu32, &c, &p, NULL));
  ESP_CALL(measure("newton64, all pairs", &esp_device_cpu64, &c, &p, NULL));
  p.domain.lists.theta = 0.7;
  ESP_CALL(measure("newton32, theta 0.7", &esp_device_cpu32, &c, &p, NULL));
  ESP_CALL(measure("newton64, theta 0.7", &esp_device_cpu64, &c, &p, NULL));
  p.domain.leaf = p.domain.block = 64;
  p.domain.lists.theta = 2;
  ESP_CALL(measure("newton32, theta 2, leaf 64", &esp_device_cpu32, &c, &p, NULL));
  p.domain.leaf = 8;
  p.domain.lists.theta = 0.7;
  p.form.message = &esp_message_newton_mlp;
  ESP_CALL(measure("newton32 + correction H 32", &esp_device_cpu32, &c, &p, weight));
  p.form.message = &esp_message_law;
  ESP_CALL(measure("law H 32", &esp_device_cpu32, &c, &p, weight));
  p.form.period[0] = p.form.period[1] = p.form.period[2] = 20;
  p.form.message = &esp_message_newton;
  p.domain.lists.theta = 0;
  ESP_CALL(measure("newton32, all pairs, periodic", &esp_device_cpu32, &c, &p, NULL));
  cloud_free(&c);
  return ESP_OK;
}

int main(void) {
  if (run() == ESP_OK) return 0;
  fprintf(stderr, "%s\n", esp_error_message());
  return 1;
}
