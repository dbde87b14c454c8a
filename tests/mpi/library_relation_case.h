/* Rows of relations on the ranks of the tests of the library, and the reference: the program's training of whole sets on one rank. */
#ifndef LIBRARY_RELATION_CASE_H
#define LIBRARY_RELATION_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../relation_train_case.h"
#include "lib/espalier.h"
#include "tasks/task.h"
#include "verbs/keys.h"

enum { D = 5, F = 2, SETS = 4, MOST = 300 };
static int rank, size;

static inline void good(int rc) {
  if (rc) fail_msg("%s", espalier_error());
}

/* ---- who holds what ---- */

/* HASHED: of three ranks or more one holds none. Ids: those of the rows' numbers, or with gaps, from end to end. */
enum { BLOCKS, HASHED, LAST, LAYS };

static inline int holder(int lay, int64_t i, int64_t n) {
  if (lay == LAST) return size - 1;
  const int some = size > 2 ? size - 1 : size;
  if (lay == HASHED) return (int)(i * 2654435761 % 1009 % some);
  return (int)(i * i * some / (n * n + 1)); /* uneven, in order */
}

static inline int64_t gappy(int64_t i, int64_t n) {
  return i == 0 ? INT64_MIN : i == n - 1 ? INT64_MAX : (i - n / 2) * (i % 7 + 1000003);
}

/* Ids ascend: rows of the reference stand in their order. */
static inline esp_set whole_set(int n, int holes, uint64_t seed) {
  esp_set s = relation_case_set(n, D, F, 0.6, holes, seed);
  for (int i = 0; i < n; i++) s.id[i] = gappy(i, n);
  return s;
}

/* This rank's rows, backwards where ids are given. */
typedef struct {
  int64_t at[MOST], id[MOST];
  double x[MOST * D], v[MOST * F], y[MOST * F], w[MOST];
  espalier_rows rows;
} mine;

static inline void take(const esp_set *set, int lay, int ids, mine *m) {
  memset(m, 0, sizeof *m);
  int64_t n = 0, to = 0;
  for (int64_t i = 0; i < set->n; i++) n += holder(lay, i, set->n) == rank;
  for (int64_t k = 0; k < set->n; k++) {
    const int64_t i = ids ? set->n - 1 - k : k;
    if (holder(lay, i, set->n) != rank) continue;
    m->at[to] = i;
    m->id[to] = set->id[i];
    memcpy(m->x + to * D, set->value[X] + i * D, D * sizeof(double));
    memcpy(m->v + to * F, set->value[V] + i * F, F * sizeof(double));
    memcpy(m->y + to * F, set->value[Y] + i * F, F * sizeof(double));
    m->w[to++] = set->value[W] ? set->value[W][i] : 1;
  }
  m->rows = (espalier_rows){.n = n, .x = m->x, .sent = m->v, .target = m->y};
  if (ids) m->rows.id = m->id;
  if (set->value[W]) m->rows.weight = m->w;
}

/* ---- the reference: the program's keys, whole sets, one rank ---- */

static const espalier_setting quick[] = {{"net_layers", "2"},  {"net_dim", "3"},     {"net_width", "6"},
                                         {"train_steps", "5"}, {"train_batch", "2"}, {"train_lr", "0.03"},
                                         {"tree_leaf", "4"},   {"tree_block", "8"},  {"tree_error", "0.02"}};
enum { QUICK = sizeof quick / sizeof *quick };

typedef struct {
  esp_set set[SETS];
  esp_train_param how;
  esp_model model;
  esp_adam adam;
} reference;

static inline int get(void *context, int s, const esp_set **set) {
  *set = &((reference *)context)->set[s];
  return ESP_OK;
}

static inline void make(const espalier_setting *setting, int settings, reference *t) {
  static const int n[SETS] = {140, 0, 1, 70};
  const esp_sizes sizes = {.width = {[ESP_INPUT] = D, [ESP_SENT] = F, [ESP_TARGET] = F}};
  esp_config *config;
  esp_stack_param param;
  *t = (reference){.adam.step = 0};
  OK(esp_keys_create(&config));
  for (int k = 0; k < settings; k++) OK(esp_config_set(config, setting[k].key, setting[k].value));
  OK(esp_options_fill(&esp_stack_options, config, &param));
  OK(esp_options_fill(&esp_train_options, config, &t->how));
  esp_config_free(&config);
  for (int s = 0; s < SETS; s++) t->set[s] = whole_set(n[s], s == 3, 30 + (uint64_t)s);
  OK(esp_model_create(&esp_network_stack, &param, &sizes, &t->model));
}

static inline void train(reference *t) {
  const esp_sets sets = {.sets = SETS, .layout = &esp_relation_layout, .get = get, .context = t};
  const esp_backend self = esp_backend_self();
  const esp_training with = {self.comm, &self, &sets, &esp_loss_nmse, NULL};
  esp_adam_free(&t->adam);
  OK(esp_adam_create(t->model.block.count, &t->adam));
  OK(esp_train(&with, &t->how, NULL, &t->model, &t->adam));
}

static inline void predict(reference *t, const esp_set *set, double *y) {
  const esp_backend self = esp_backend_self();
  esp_cost cost = {0};
  double bound;
  OK(esp_model_aim(&t->model, &self, set, &bound));
  OK(esp_model_predict(&t->model, &self, set, NULL, y, &cost));
}

static inline void reference_free(reference *t) {
  for (int s = 0; s < SETS; s++) esp_set_free(&t->set[s]);
  esp_model_free(&t->model);
  esp_adam_free(&t->adam);
}

static inline espalier_relation *created(const espalier_setting *setting, int settings) {
  espalier_relation *r;
  good(espalier_relation_create(MPI_COMM_WORLD, D, F, F, setting, settings, &r));
  return r;
}

static inline void assert_checksum(const espalier_relation *r, uint64_t expected) {
  uint64_t sum;
  good(espalier_relation_checksum(r, &sum));
  if (sum != expected) fail_msg("rank %d: parameters %016" PRIx64 ", wanted %016" PRIx64, rank, sum, expected);
}

/* Every rank's own number, added up: of all particles. */
static inline int64_t total(int64_t value) {
  MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  return value;
}

static mine part[SETS];
static double y[MOST * F];

/* What a test's main does. */
static inline int run_all(int argc, char **argv, int (*tests)(void)) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int failed = tests();
  MPI_Finalize();
  return failed;
}

#endif
