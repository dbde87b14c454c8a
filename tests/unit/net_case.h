/* Clouds for the tests of messages and layers, and the truth they are held against. */
#ifndef ESP_NET_CASE_H
#define ESP_NET_CASE_H

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
#include "net/layer.h"

enum { MOST = 1024 };
typedef struct {
  int n;
  double y[MOST][3], mu[MOST], g[MOST][3];
  int64_t id[MOST];
} net_case;

/* Uniform in a box of side `side`; every fifth mass is zero if `holes`. */
static inline void case_fill(net_case *c, int n, int dim, double side, int holes, uint64_t seed) {
  memset(c, 0, sizeof *c);
  c->n = n;
  for (int i = 0; i < n; i++) {
    const uint64_t u = (uint64_t)i;
    c->id[i] = 3 * i + 7;
    c->mu[i] = holes && i % 5 == 2 ? 0 : esp_rng_uniform(seed, u, ESP_RNG_TEST, 0) + 0.1;
    for (int a = 0; a < 3; a++) {
      c->y[i][a] = a < dim ? side * esp_rng_uniform(seed, u, ESP_RNG_TEST, 1 + (uint32_t)a) : 0;
      c->g[i][a] = esp_rng_normal(seed, u, ESP_RNG_TEST, 4 + (uint32_t)a);
    }
  }
}

static inline esp_layer_param case_param(int leaf, int block, int dim, double theta, double eps) {
  esp_layer_param p = {.domain = {.leaf = leaf, .block = block, .dim = dim},
                       .form = {.message = &esp_message_newton, .dim = 3, .softening = eps, .mean = 1}};
  p.domain.lists.theta = theta;
  return p;
}

static inline esp_backend case_backend(const esp_device *device) {
  esp_backend b = esp_backend_self();
  b.device = device;
  return b;
}

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

/* All pairs, one by one, by the specification. */
static inline void case_direct(const net_case *c, const esp_form *form, const double *message, double (*a)[3]) {
  static double row[MOST][4];
  for (int i = 0; i < c->n; i++) {
    memcpy(row[i], c->y[i], sizeof c->y[i]);
    row[i][3] = c->mu[i];
  }
  esp_specification_forward(form, message, 1, c->n, row[0], c->n, row[0], (double *)a);
}

/* |a - b| / |b| in the 2-norm over all particles (|a| where b = 0). */
static inline double case_distance(int n, const double (*a)[3], const double (*b)[3]) {
  double diff = 0, norm = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 3; k++) {
      diff += (a[i][k] - b[i][k]) * (a[i][k] - b[i][k]);
      norm += b[i][k] * b[i][k];
    }
  return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

/* The layer on bodies where they are, brought into the box. */
static inline int case_forward(const esp_backend *backend, const esp_layer_param *param, const net_case *c,
                               const double *message, double (*a)[3], esp_layer *layer) {
  static double y[MOST][3];
  const esp_layer_input input = {.id = c->id, .key = (const double *)y, .value = c->mu};
  memcpy(y, c->y, sizeof y);
  esp_form_wrap(&param->form, c->n, (double *)y);
  return esp_layer_forward(backend, param, c->n, &input, message, (double *)a, layer);
}

static inline int case_backward(const esp_backend *backend, esp_layer *layer, const net_case *c, double (*dy)[3],
                                int64_t *acc) {
  const esp_layer_gradient to = {.dkey = (double *)dy};
  return esp_layer_backward(backend, layer, (const double *)c->g, &to, acc, NULL);
}

/* sum g.A with slots of the layer's domain: forward on a fixed tree. y at home. Cells anew; lists as built. */
static inline double case_frozen_loss(const esp_device *device, const esp_layer *layer, const net_case *c) {
  esp_domain *dom = layer->dom;
  esp_pairs p = esp_layer_host_pairs(layer);
  const esp_kernels *kernels = device->kernels(p.form.message);
  const esp_cells cells = esp_form_cells(&p.form, &p.width);
  double *home = NULL, *source = NULL, *cell = NULL, (*slot)[3] = NULL, (*a)[3] = NULL, loss = 0;
  esp_scratch *scratch = NULL;
  MUST(ESP_ALLOC(home, 4 * c->n));
  MUST(ESP_ALLOC(source, 4 * c->n));
  MUST(ESP_ALLOC(cell, dom->tree.row_count * p.width.cell));
  MUST(ESP_ALLOC(slot, c->n));
  MUST(ESP_ALLOC(a, c->n));
  MUST(kernels->begin(&p.form, dom, &scratch));
  for (int i = 0; i < c->n; i++) {
    memcpy(home + 4 * i, c->y[i], sizeof c->y[i]);
    home[4 * i + 3] = c->mu[i];
  }
  MUST(dom->ops->to_slots(dom, 4 * sizeof *home, home, source));
  esp_cells_upward(&cells, &dom->tree, source, cell);
  p.source = source;
  p.cell = cell;
  kernels->forward(&p, dom->tree.n_block, dom->block_order, (double *)slot, scratch);
  MUST(dom->ops->to_home(dom, sizeof *a, slot, a));
  for (int i = 0; i < c->n; i++)
    for (int k = 0; k < 3; k++) loss += c->g[i][k] * a[i][k];
  kernels->end(&scratch);
  ESP_FREE(home);
  ESP_FREE(source);
  ESP_FREE(cell);
  ESP_FREE(slot);
  ESP_FREE(a);
  return loss;
}

/* dLoss/dy of the layer against central differences on the frozen tree, in `probes` random directions of one particle
 * each and one of all: the worst difference over |dLoss/dy| of the case. */
static inline double case_check_gradient(const esp_device *device, const esp_layer *layer, net_case *c, double (*dy)[3],
                                         int probes, double h) {
  double worst = 0, norm = 0;
  for (int i = 0; i < c->n; i++)
    for (int k = 0; k < 3; k++) norm += dy[i][k] * dy[i][k];
  norm = sqrt(norm / c->n);
  for (int p = 0; p < probes; p++) {
    const int i = (int)esp_rng_below(5, (uint64_t)p, ESP_RNG_TEST, 0, (uint64_t)c->n), k = p % 3;
    const double keep = c->y[i][k];
    double value[2];
    for (int side = 0; side < 2; side++) {
      c->y[i][k] = keep + (side ? h : -h);
      value[side] = case_frozen_loss(device, layer, c);
    }
    c->y[i][k] = keep;
    const double error = fabs((value[1] - value[0]) / (2 * h) - dy[i][k]) / norm;
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

#endif
