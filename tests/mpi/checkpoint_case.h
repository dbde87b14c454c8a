/* What the tests of checkpoints share: models of every network with any of their keys changed, and a file's refusal. */
#ifndef TEST_CHECKPOINT_CASE_H
#define TEST_CHECKPOINT_CASE_H

#include "case.h"

#include <mpi.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/checkpoint.h"
#include "io/checkpoint_rows.h"
#include "io/file.h"
#include "net/convolution.h"
#include "net/integrator.h"
#include "net/stack.h"
#include "verbs/keys.h"

static char path[256];
static const esp_sizes sizes = {.width = {6, 1, 6}};
/* Whose particles send nothing: classes of nodes. */
static inline esp_sizes sizes_of(const esp_network *network) {
  esp_sizes its = sizes;
  if (network == &esp_network_convolution) its.width[ESP_SENT] = 0;
  return its;
}

static inline void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static inline void message_has(const char *what) {
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  esp_error_clear();
}

/* ---- models ---- */

/* A value that is not the default. */
static inline void other_text(const esp_option *row, char *text, size_t size) {
  union {
    int small;
    int64_t whole;
    double real;
  } v;
  char word[64];
  assert_ok(esp_option_parse(row, row->value, &v));
  if (row->type == ESP_OPTION_CHOICE)
    snprintf(text, size, "%s", esp_option_choice(row, v.small == 0, word));
  else if (row->type == ESP_OPTION_FLAG)
    snprintf(text, size, "%s", v.small ? "false" : "true");
  else if (row->type == ESP_OPTION_REAL)
    snprintf(text, size, "%.17g", v.real > 0 ? v.real / 3 : row->max / 7);
  else
    snprintf(text, size, "%lld", (long long)(row->type == ESP_OPTION_INT ? v.small : v.whole) + 1);
}

typedef struct {
  char *param;
  const char *but; /* every row but this one */
  int found;
} change;

/* It does not go with others of the changed values. */
static inline int is_bound(const esp_option *row) {
  return !strcmp(row->name, "net_transport") || !strcmp(row->name, "net_heads");
}

static inline int change_row(void *context, const esp_option *row, size_t offset) {
  change *c = context;
  char text[64];
  if (!row->flags || is_bound(row) || !strcmp(row->name, c->but)) return 0;
  other_text(row, text, sizeof text);
  assert_ok(esp_option_parse(row, text, c->param + offset));
  c->found++;
  return 0;
}

/* The network's defaults, all of them changed but one; NULL: none. */
static inline char *param_of(const esp_network *network, const char *but) {
  esp_config *config;
  char *param = calloc(1, network->options->size);
  assert_ok(esp_keys_create(&config));
  assert_ok(esp_options_fill(network->options, config, param));
  esp_config_free(&config);
  change c = {param, but, 0};
  if (but) esp_options_each(network->options, change_row, &c);
  assert_true(!but || c.found > 5);
  return param;
}

/* A model and moments with no round number in them; param is freed. */
static inline void make(const esp_network *network, char *param, esp_model *model, esp_adam *adam) {
  const esp_sizes its = sizes_of(network);
  assert_ok(esp_model_create(network, param, &its, model));
  free(param);
  assert_ok(esp_adam_create(model->block.count, adam));
  adam->step = 123456789012;
  for (int i = 0; i < model->block.count; i++) {
    model->block.value[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->m[i] = 1e-200 * esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->v[i] = 1e-310 * esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 0);
  }
}

static inline void unmake(esp_model *model, esp_adam *adam) {
  esp_model_free(model);
  esp_adam_free(adam);
}

typedef struct {
  const char *a, *b;
  int rows;
} pair;

static inline int same_row(void *context, const esp_option *row, size_t offset) {
  pair *p = context;
  char a[512], b[512];
  if (!row->flags) return 0;
  esp_option_print(row, p->a + offset, a, sizeof a);
  esp_option_print(row, p->b + offset, b, sizeof b);
  if (strcmp(a, b)) fail_msg("%s: %s, %s", row->name, a, b);
  p->rows++;
  return 0;
}

static inline void same_param(const esp_network *network, const void *a, const void *b) {
  pair p = {a, b, 0};
  esp_options_each(network->options, same_row, &p);
  assert_true(p.rows > 5);
}

/* ---- refusal ---- */

/* Resuming the run's model from the file fails and changes nothing; param is freed. */
static inline void refuse(const esp_network *network, char *param, const char *precision, int code, const char *what) {
  esp_model model;
  esp_adam adam;
  assert_ok(comm->agree(comm, 0));
  make(network, param, &model, &adam);
  char *had = malloc(network->options->size);
  memcpy(had, model.param, network->options->size);
  const double first = model.block.value[0];
  assert_int_equal(esp_checkpoint_resume(comm, path, &model, &adam, precision), code);
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  message_has(what);
  assert_true(model.block.value[0] == first && adam.step == 123456789012);
  assert_memory_equal(had, model.param, network->options->size);
  free(had);
  unmake(&model, &adam);
}

/* ---- the file ---- */

static inline int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_checkpoint_%lld.h5", (long long)pid);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  return 0;
}

/* A test program of one file at `path`. */
static inline int checkpoint_run(int argc, char **argv, const struct CMUnitTest *tests, size_t count) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  int failed = _cmocka_run_group_tests("checkpoints", tests, count, setup, teardown);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}

#endif
