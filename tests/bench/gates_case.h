/* Clouds and networks of bench_gates.c: settings from the command line, draws of test clouds, trainings. */
#ifndef GATES_CASE_H
#define GATES_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"
#include "train_views.h"

typedef double vec3[3];

enum { SIZES = 4, MOST_CLOUDS = 8, TRUTH_STEPS = 48, BINS = 6 };
static const int size_n[SIZES] = {256, 1024, 4096, 16384}, size_clouds[SIZES] = {8, 8, 4, 1};

/* ---- settings ---- */

typedef struct {
  double draw_first, draw_last, big_draws; /* 16384 bodies for the first big_draws only */
  double training_first, training_last;
  double clouds, large, steps, clouds6, large6, steps6; /* trainings of 4 and 6 layers: clouds of 128, of 1024 */
  double batch, rate, lambda, train_theta, train_block, theta, leaf, block, eps;
  double ratio;                           /* virial ratio of the test clouds; 0: as drawn */
  double nets, roll, kept, pairs, splits; /* parts: 0 leaves one out */
} settings;

static inline settings parse(int argc, char **argv) {
  settings s = {1, 12, 6, 1, 4, 64, 0, 300, 64, 8, 300, 16, 0.01, 0.5, 0, 64, 0.7, 8, 8, 0.5, 0, 1, 1, 1, 1, 1};
  static const char *const names[] = {
      "draw_first",  "draw_last",   "big_draws", "training_first", "training_last", "clouds", "large",
      "steps",       "clouds6",     "large6",    "steps6",         "batch",         "rate",   "lambda",
      "train_theta", "train_block", "theta",     "leaf",           "block",         "eps",    "ratio",
      "nets",        "roll",        "kept",      "pairs",          "splits"};
  enum { KEYS = sizeof names / sizeof names[0] };
  _Static_assert(sizeof(settings) == KEYS * sizeof(double), "one name a setting");
  for (int i = 1; i < argc; i++) {
    const char *equals = strchr(argv[i], '=');
    size_t length = equals ? (size_t)(equals - argv[i]) : 0;
    int k = 0;
    while (k < KEYS && !(equals && strlen(names[k]) == length && !strncmp(argv[i], names[k], length))) k++;
    if (k < KEYS) {
      ((double *)&s)[k] = atof(equals + 1);
      continue;
    }
    fprintf(stderr, "%s is not one of:", argv[i]);
    for (k = 0; k < KEYS; k++) fprintf(stderr, " %s=%g", names[k], ((double *)&s)[k]);
    fprintf(stderr, "\n");
    exit(2);
  }
  return s;
}

/* ---- clouds ---- */

typedef struct {
  esp_cloud cloud[SIZES][MOST_CLOUDS];
  double Q[SIZES][MOST_CLOUDS];
} draw;

/* Cloud `number` of a set (0: training, 1: test), the index-th of its size. */
static inline int make_cloud(const settings *s, int64_t seed, int set, int number, int index, int n, esp_cloud *cloud,
                             double *Q) {
  esp_backend backend = esp_backend_self();
  esp_start_info info;
  backend.device = &esp_device_cpu64;
  esp_start_param p = {.kind = index % 2 ? ESP_START_PLUMMER : ESP_START_BALL,
                       .n = n,
                       .seed = esp_rng_bits((uint64_t)seed, (uint64_t)number, ESP_RNG_CLOUD, 1 + (uint32_t)set),
                       .eps_over_d = s->eps,
                       .direct_limit = ESP_START_DIRECT_LIMIT};
  ESP_CALL(esp_nbody_start(&backend, &p, cloud, &info));
  *Q = set == 1 && s->ratio > 0 ? s->ratio : info.Q;
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) cloud->v[i][a] *= *Q / info.Q;
  }
  esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, cloud);
  ESP_CALL(esp_nbody_truth(&force, TRUTH_STEPS, cloud, 0, NULL));
  return esp_cloud_to_model(cloud);
}

static inline int make_draw(const settings *s, int64_t seed, int sizes, draw *d) {
  int number = 0;
  memset(d, 0, sizeof *d);
  for (int z = 0; z < sizes; z++) {
    for (int c = 0; c < size_clouds[z]; c++) {
      ESP_CALL(make_cloud(s, seed, 1, number++, c, size_n[z], &d->cloud[z][c], &d->Q[z][c]));
    }
  }
  return ESP_OK;
}

static inline void free_draw(draw *d) {
  for (int z = 0; z < SIZES; z++) {
    for (int c = 0; c < MOST_CLOUDS; c++) esp_cloud_free(&d->cloud[z][c]);
  }
}

/* ---- networks ---- */

static inline int make_model(const settings *s, int layers, esp_tableau_kind tableau, esp_model *model) {
  esp_integrator_param p = {.layers = layers, .order = 4, .tableau = tableau};
  p.domain = (esp_domain_param){.leaf = (int)s->leaf, .block = (int)s->train_block, .dim = 3};
  p.domain.lists.theta = s->train_theta;
  return integrator_model(&p, model);
}

static inline int train(const settings *s, int64_t seed, int layers, esp_tableau_kind tableau, esp_model *model) {
  int small = (int)(layers > 4 ? s->clouds6 : s->clouds), large = (int)(layers > 4 ? s->large6 : s->large);
  esp_cloud *set;
  double Q;
  ESP_CALL(ESP_ALLOC(set, small + large));
  for (int c = 0; c < small + large; c++) {
    ESP_CALL(make_cloud(s, seed, 0, c, c < small ? c : c - small, c < small ? 128 : 1024, set + c, &Q));
  }
  ESP_CALL(make_model(s, layers, tableau, model));
  esp_train_param p = {.steps = (int64_t)(layers > 4 ? s->steps6 : s->steps),
                       .batch = (int)s->batch,
                       .rate = s->rate,
                       .warmup = 20,
                       .beta2 = 0.999,
                       .clip = 0.3,
                       .seed = (uint64_t)seed};
  ESP_CALL(train_integrator(model, small + large, set, s->lambda, &p));
  for (int c = 0; c < small + large; c++) esp_cloud_free(set + c);
  ESP_FREE(set);
  return ESP_OK;
}

/* The tableau that the reference learned (four layers, all pairs, N 128): c, b, b', alpha. */
static inline int make_given(const settings *s, esp_model *model) {
  static const double value[] = {.1057, .3576, .6329, .8911, .2082, .1690, .1009, .0225, .2324,
                                 .2629, .2716, .2334, .0709, .1168, .0820, .1938, .1279, .0794};
  ESP_CALL(make_model(s, 4, ESP_TABLEAU_FREE, model));
  memcpy(model->block.value, value, sizeof value);
  return ESP_OK;
}

#endif
