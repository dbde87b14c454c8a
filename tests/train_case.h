/* A small training: a model, its moments, and clouds whose targets are an eighth-step leapfrog's. For tests at any
 * number of ranks; needs cmocka. */
#ifndef TRAIN_CASE_H
#define TRAIN_CASE_H

#include <stdlib.h>

#include "base/rng.h"
#include "net/train_gravity.h"

typedef struct {
  esp_integrator model;
  esp_adam adam;
  int clouds, held;
  esp_cloud *cloud;
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
  esp_integrator_param p = {.layers = 8, .domain = {.leaf = 8, .block = 64, .dim = 3}};
  esp_integrator model;
  assert_int_equal(esp_integrator_create(&p, &model), ESP_OK);
  assert_int_equal(esp_integrator_predict(&model, backend, c, c->D, c->K, NULL, NULL), ESP_OK);
  esp_integrator_free(&model);
}

static inline esp_integrator train_case_model(esp_message_kind message) {
  esp_integrator_param p = {.layers = 2, .message = message, .hidden = 6, .seed = 9};
  p.domain = (esp_domain_param){.leaf = 4, .block = 8, .dim = 3};
  p.domain.lists.theta = 0.7;
  esp_integrator model;
  assert_int_equal(esp_integrator_create(&p, &model), ESP_OK);
  return model;
}

/* Whole clouds of n, n + 1, ... bodies. */
static inline train_case train_case_make(esp_message_kind message, int clouds, int n) {
  esp_backend backend = esp_backend_self();
  train_case t = {.clouds = clouds, .model = train_case_model(message)};
  assert_int_equal(esp_adam_create(t.model.block.count, &t.adam), ESP_OK);
  t.cloud = malloc(sizeof *t.cloud * (size_t)clouds);
  for (int c = 0; c < clouds; c++) {
    t.cloud[c] = train_case_cloud(n + c, 0, n + c, 100 + (uint64_t)c);
    train_case_targets(&backend, &t.cloud[c]);
  }
  return t;
}

static inline void train_case_free(train_case *t) {
  for (int c = 0; c < t->clouds; c++) esp_cloud_free(&t->cloud[c]);
  free(t->cloud);
  esp_integrator_free(&t->model);
  esp_adam_free(&t->adam);
}

static inline int train_case_get(void *context, int c, const esp_cloud **cloud) {
  train_case *t = context;
  t->held++;
  *cloud = &t->cloud[c];
  return ESP_OK;
}

static inline void train_case_put(void *context, int c, const esp_cloud *cloud) {
  train_case *t = context;
  assert_ptr_equal(cloud, &t->cloud[c]);
  t->held--;
}

static inline esp_gravity_data train_case_data(train_case *t) {
  return (esp_gravity_data){
      .clouds = t->clouds, .lambda = 0.5, .get = train_case_get, .put = train_case_put, .context = t};
}

static inline esp_train_param train_case_param(int64_t steps) {
  return (esp_train_param){
      .steps = steps, .batch = 3, .rate = 0.01, .warmup = 2, .beta2 = 0.999, .clip = 0.3, .seed = 4};
}

#endif
