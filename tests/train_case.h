/* A small training: a model, its moments, and clouds whose targets are an eighth-step leapfrog's. For tests at any
 * number of ranks; needs cmocka. */
#ifndef TRAIN_CASE_H
#define TRAIN_CASE_H

#include <stdlib.h>

#include "base/rng.h"
#include "net/train.h"
#include "set_views.h"

enum { CASE_NEWTON, CASE_NEWTON_MLP, CASE_MLP }; /* places among esp_body_messages */

typedef struct {
  esp_model model;
  esp_adam adam;
  int clouds, held;
  esp_cloud *cloud;
  esp_set view; /* of the cloud that is held */
} train_case;

static inline esp_cloud train_case_cloud(int64_t n, int64_t first, int n_home, uint64_t seed) {
  esp_cloud c;
  assert_int_equal(esp_cloud_create(n, n_home, 1, &c), ESP_OK);
  c.model = 1, c.dim = 3, c.G = c.d = c.T = 1, c.eps = 0.5;
  for (int i = 0; i < n_home; i++) {
    uint64_t id = (uint64_t)(first + i);
    c.id[i] = first + i;
    c.m[i] = (id % 7 == 6 ? 0 : 0.2 + esp_rng_uniform(seed, id, ESP_RNG_MASS, 0));
    for (uint32_t a = 0; a < 3; a++) {
      double u = esp_rng_uniform(seed, id, ESP_RNG_POSITION, a);
      c.x[i][a] = cbrt((double)n) * (id % 3 ? u : u * u * u); /* clustered towards an edge */
      c.v[i][a] = 0.5 * esp_rng_normal(seed, id, ESP_RNG_VELOCITY, a);
    }
  }
  return c;
}

/* Targets: what a network of eight layers gives. Collective over the backend's ranks. */
static inline void train_case_targets(const esp_backend *backend, esp_cloud *c) {
  esp_integrator_param p = {.layers = 8, .order = 4, .domain = {.leaf = 8, .block = 64, .dim = 3}};
  esp_model model;
  assert_int_equal(integrator_model(&p, &model), ESP_OK);
  assert_int_equal(predict_cloud(&model, backend, c, c->D, c->K, NULL), ESP_OK);
  esp_model_free(&model);
}

static const esp_nmse_columns_param train_case_loss = {.second = 0.5};

/* Another's loss, under which the best step is one of the worst: of those whose loss is in the highest of 200 bins, the lowest. */
static inline int train_case_part(const void *param, const esp_backend *with, const esp_set *set, const double *y,
                                  double factor, double *dy, double *part) {
  return esp_loss_nmse_columns.value(param, with, set, y, factor, dy, part);
}
static inline void train_case_weights(const void *param, double *weight) {
  esp_loss_nmse_columns.weights(param, weight);
}
static inline int train_case_validate(const void *param, const esp_backend *with, const esp_set *set, const double *y,
                                      double *value) {
  double part[ESP_LOSS_PARTS];
  int rc = esp_loss_nmse_columns.value(param, with, set, y, 0, NULL, part);
  value[0] = floor(200 * part[0]);
  value[1] = -part[0];
  return rc;
}
static const esp_loss train_case_row = {.name = "case",
                                        .parts = 2,
                                        .part = "case",
                                        .weights = train_case_weights,
                                        .value = train_case_part,
                                        .validate = train_case_validate};

/* Loss of D, K [n_home][3], its gradient gD, gK (both or neither). Collective over comm. */
static inline double train_case_value(const esp_comm *comm, const esp_cloud *cloud, const double (*D)[3],
                                      const double (*K)[3], double factor, double (*gD)[3], double (*gK)[3]) {
  const esp_set set = set_of_cloud(cloud);
  const esp_backend host = esp_backend_host(comm);
  const size_t n = (size_t)cloud->n_home;
  double *y = malloc((6 * n + 1) * sizeof *y), *dy = malloc((6 * n + 1) * sizeof *dy), part[2], weight[2];
  for (size_t i = 0; i < 3 * n; i++) {
    y[i / 3 * 6 + i % 3] = D[i / 3][i % 3];
    y[i / 3 * 6 + 3 + i % 3] = K[i / 3][i % 3];
  }
  assert_int_equal(esp_loss_nmse_columns.value(&train_case_loss, &host, &set, y, factor, gD ? dy : NULL, part), ESP_OK);
  for (size_t i = 0; i < 3 * n && gD; i++) {
    gD[i / 3][i % 3] = dy[i / 3 * 6 + i % 3];
    gK[i / 3][i % 3] = dy[i / 3 * 6 + 3 + i % 3];
  }
  free(y), free(dy);
  esp_loss_nmse_columns.weights(&train_case_loss, weight);
  return weight[0] * part[0] + weight[1] * part[1];
}

static inline esp_model train_case_model(int message) {
  esp_integrator_param p = {.layers = 2, .order = 4, .message = message, .hidden = 6, .seed = 9};
  p.domain = (esp_domain_param){.leaf = 4, .block = 8, .dim = 3};
  p.domain.lists.theta = 0.7;
  esp_model model;
  assert_int_equal(integrator_model(&p, &model), ESP_OK);
  return model;
}

/* Takes the clouds: made by malloc, with targets. */
static inline train_case train_case_of(int message, int clouds, esp_cloud *cloud) {
  train_case t = {.model = train_case_model(message), .clouds = clouds, .cloud = cloud};
  assert_int_equal(esp_adam_create(t.model.block.count, &t.adam), ESP_OK);
  return t;
}

/* Whole clouds of n, n + 1, ... bodies. */
static inline train_case train_case_make(int message, int clouds, int n) {
  esp_backend backend = esp_backend_self();
  esp_cloud *cloud = malloc(sizeof *cloud * (size_t)clouds);
  for (int c = 0; c < clouds; c++) {
    cloud[c] = train_case_cloud(n + c, 0, n + c, 100 + (uint64_t)c);
    train_case_targets(&backend, &cloud[c]);
  }
  return train_case_of(message, clouds, cloud);
}

static inline void train_case_free(train_case *t) {
  for (int c = 0; c < t->clouds; c++) esp_cloud_free(&t->cloud[c]);
  free(t->cloud);
  esp_model_free(&t->model);
  esp_adam_free(&t->adam);
}

static inline int train_case_get(void *context, int c, const esp_set **set) {
  train_case *t = context;
  t->held++;
  t->view = set_of_cloud(&t->cloud[c]);
  *set = &t->view;
  return ESP_OK;
}

static inline void train_case_put(void *context, int c, const esp_set *set) {
  train_case *t = context;
  assert_ptr_equal(set->id, t->cloud[c].id);
  t->held--;
}

static inline esp_sets train_case_sets(train_case *t) {
  return (esp_sets){.sets = t->clouds, .get = train_case_get, .put = train_case_put, .context = t};
}

/* esp_train of the case on sets like its own. */
static inline int train_case_run(const esp_comm *comm, const esp_backend *backend, const esp_sets *sets,
                                 const esp_train_param *param, const esp_train_hooks *hooks, train_case *t) {
  const esp_training with = {comm, backend, sets, &train_case_row, &train_case_loss};
  return esp_train(&with, param, hooks, &t->model, &t->adam);
}

static inline esp_train_param train_case_param(int64_t steps) {
  return (esp_train_param){
      .steps = steps, .batch = 3, .rate = 0.01, .warmup = 2, .beta2 = 0.999, .clip = 0.3, .seed = 4};
}

#endif
