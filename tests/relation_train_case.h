/* Small sets with a hidden relation by direct sum, networks for them, and their training. For tests at any
 * number of ranks; needs cmocka. */
#ifndef RELATION_TRAIN_CASE_H
#define RELATION_TRAIN_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "feature_columns.h"
#include "net/stack.h"
#include "net/train.h"
#include "set_views.h"

#define OK(expr)                                                          \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

/* n particles of D features and F values; the first two features are the hidden coordinates [4]: as sender, then moved
 * by a little as receiver. T = F targets: y_i = sum_{j != i} exp(-|p_i - p_j|^2 / 2 h^2) v_j. Every fifth is not scored if
 * `holes`. */
static inline esp_set relation_case_set(int n, int D, int F, double h, int holes, uint64_t seed) {
  esp_set s = {.n = n, .n_home = n, .layout = &esp_relation_layout, .width = {D, F, F, holes, 4}};
  OK(esp_set_create(&s));
  double *x = s.value[X], *v = s.value[V], *y = s.value[Y], *z = s.value[Z];
  for (int i = 0; i < n; i++) {
    s.id[i] = ((int64_t)i * 7919 + 13) % 1000003;
    const uint64_t id = (uint64_t)s.id[i];
    for (int a = 0; a < D; a++) x[i * D + a] = esp_rng_normal(seed, id, ESP_RNG_TEST, (uint32_t)a);
    for (int c = 0; c < F; c++) v[i * F + c] = esp_rng_normal(seed, id, ESP_RNG_VELOCITY, (uint32_t)c);
    for (int a = 0; a < 4; a++) z[i * 4 + a] = x[i * D + a % 2] + (a < 2 ? 0 : 0.1 * x[i * D + (a + 1) % D]);
    if (holes) s.value[W][i] = i % 5 != 3;
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const double a = z[i * 4] - z[j * 4], b = z[i * 4 + 1] - z[j * 4 + 1];
      for (int c = 0; c < F && j != i; c++) y[i * F + c] += exp(-(a * a + b * b) / (2 * h * h)) * v[j * F + c];
    }
  return s;
}

/* This rank's share of a whole set. */
static inline esp_set relation_case_share(const esp_comm *comm, const esp_set *whole) {
  esp_set s = *whole;
  int64_t count;
  esp_set_share(whole->n, comm->rank, comm->size, &s.first, &count);
  s.n_home = (int)count;
  OK(esp_set_create(&s));
  const size_t at = (size_t)s.first, n = (size_t)count;
  memcpy(s.id, whole->id + at, n * sizeof *s.id);
  for (int k = X; k <= Z; k++) {
    const size_t width = (size_t)s.width[k];
    if (width) memcpy(s.value[k], whole->value[k] + at * width, n * width * sizeof(double));
  }
  return s;
}

/* Networks of different kinds for sets of D = 5, F = T = 2. */
enum { RELATION_PLAIN, RELATION_SEPARATE, RELATION_MESSAGE, RELATION_DEEP, RELATION_DEEP_MESSAGE, RELATION_CASES };
static inline esp_stack_param relation_case_param(int which, double theta) {
  esp_stack_param p = {
      .layers = 1, .dim = 3, .width = 6, .hidden = 7, .channels = 3, .groups = 2, .far = 1, .order = 2, .seed = 21};
  p.equilibrium = (esp_fixed_point_param){100, 1e-13, 3};
  p.domain = (esp_domain_param){.leaf = 4, .block = 8};
  p.domain.lists.theta = theta;
  if (which == RELATION_SEPARATE) {
    p.embedding = ESP_EMBED_MLP, p.embed_hidden = 5, p.separate = p.aggregate = p.include_self = 1, p.order = 1;
  } else if (which == RELATION_MESSAGE) {
    p.message = 1;
  } else if (which == RELATION_DEEP) {
    p.layers = 3, p.aggregate = 1, p.order = 3;
  } else if (which == RELATION_DEEP_MESSAGE) {
    p.layers = 2, p.message = p.aggregate = p.separate = 1, p.channels = 6;
  }
  return p;
}

/* Of D features, and F values and targets. */
static inline esp_model relation_case_model(const esp_stack_param *param, int D, int F) {
  const esp_sizes sizes = {.width = {[ESP_INPUT] = D, [ESP_SENT] = F, [ESP_TARGET] = F}};
  esp_model model;
  OK(esp_model_create(&esp_network_stack, param, &sizes, &model));
  return model;
}

/* The start values, moved: no parameter is at a place where something vanishes. Normals stay. D = 5, F = 2. */
static inline esp_model relation_case_network(const esp_stack_param *param) {
  esp_model r = relation_case_model(param, 5, 2);
  for (int e = 0; e < r.block.entries; e++)
    for (int i = 0; i < r.block.entry[e].rows * r.block.entry[e].columns && !strstr(r.block.entry[e].name, "normal");
         i++)
      r.block.value[r.block.entry[e].offset + i] +=
          0.2 * esp_rng_normal(3, (uint64_t)(r.block.entry[e].offset + i), ESP_RNG_TEST, 0);
  return r;
}

/* nMSE of a set, forward alone; y [n_home][F]. */
static inline double relation_case_nmse(const esp_model *r, const esp_backend *b, const esp_set *set,
                                        const esp_visit *visit, double *y, esp_cost *cost) {
  double nmse;
  OK(model_loss(r, b, &esp_loss_nmse, NULL, set, visit, y, cost, &nmse, NULL));
  return nmse;
}

/* ---- training ---- */

enum { RELATION_SETS = 12 };
typedef struct {
  int held;
  esp_model model;
  esp_adam adam;
  esp_set set[RELATION_SETS];
} relation_case;

static inline int relation_case_get(void *context, int c, const esp_set **set) {
  relation_case *t = context;
  t->held++;
  *set = &t->set[c];
  return ESP_OK;
}

static inline void relation_case_put(void *context, int c, const esp_set *set) {
  relation_case *t = context;
  assert_ptr_equal(set, &t->set[c]);
  t->held--;
}

static inline relation_case relation_case_make(const esp_stack_param *param, int D, int F, int n, double h) {
  relation_case t = {.model = relation_case_model(param, D, F)};
  OK(esp_adam_create(t.model.block.count, &t.adam));
  for (int c = 0; c < RELATION_SETS; c++) t.set[c] = relation_case_set(n, D, F, h, 0, 50 + (uint64_t)c);
  return t;
}

static inline void relation_case_free(relation_case *t) {
  for (int c = 0; c < RELATION_SETS; c++) esp_set_free(&t->set[c]);
  esp_model_free(&t->model);
  esp_adam_free(&t->adam);
}

/* esp_train of the case. */
static inline int relation_case_run(const esp_comm *comm, const esp_backend *backend, int shared,
                                    const esp_train_param *param, const esp_train_hooks *hooks, relation_case *t) {
  const esp_sets sets = {
      .sets = RELATION_SETS, .shared = shared, .get = relation_case_get, .put = relation_case_put, .context = t};
  const esp_training with = {comm, backend, &sets, &esp_loss_nmse, NULL};
  return esp_train(&with, param, hooks, &t->model, &t->adam);
}

static inline esp_train_param relation_case_train(int64_t steps) {
  return (esp_train_param){
      .steps = steps, .batch = 1, .rate = 0.02, .schedule = ESP_SCHEDULE_HOLD, .beta2 = 0.99, .clip = 1, .seed = 4};
}

#endif
