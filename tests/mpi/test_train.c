/* Proves that training gives the bits of one rank on any number of ranks, by clouds and by particles, also when it goes
 * on from a stop on one rank, the best validated step included, and that a failure on one rank ends it on all.
 * ranks: 1 2 3 4 5 7 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpi.h>
#include <petscsys.h>
#include <string.h>

#include "domain/comm.h"
#include "domain/domain.h"
#include "tasks/gravity/gravity.h"
#include "train_case.h"

enum { STEPS = 3, CLOUDS = 5, BODIES = 40 };

static esp_comm *comm;

/* ---- what one rank gives ---- */

typedef struct {
  double value[512], other[512], moment[512], loss[STEPS + 1];
  esp_best best;
  int count;
} outcome;

static int note(void *context, const esp_train_record *record) {
  outcome *o = context;
  o->loss[record->step] = record->loss;
  return ESP_OK;
}

static void keep(const train_case *t, outcome *o) {
  o->count = t->model.block.count;
  assert_in_range(o->count, 1, 512);
  memcpy(o->value, t->model.block.value, sizeof(double) * (size_t)o->count);
  o->best = t->adam.best;
  if (o->best.step > 0) memcpy(o->other, o->best.other, sizeof(double) * (size_t)o->count);
  memcpy(o->moment, t->adam.v, sizeof(double) * (size_t)o->count);
}

static void assert_same(const outcome *a, const outcome *b) {
  assert_int_equal(a->count, b->count);
  assert_memory_equal(a->value, b->value, sizeof(double) * (size_t)a->count);
  assert_memory_equal(a->other, b->other, sizeof(double) * (size_t)a->count);
  assert_memory_equal(a->best.value, b->best.value, sizeof a->best.value);
  assert_true(a->best.step == b->best.step && a->best.step > 0 && a->best.chosen && b->best.chosen);
  assert_memory_equal(a->moment, b->moment, sizeof(double) * (size_t)a->count);
  assert_memory_equal(a->loss, b->loss, sizeof a->loss);
}

static void run(const esp_comm *ranks, const esp_backend *backend, const esp_sets *data, int64_t stop, train_case *t,
                outcome *o) {
  esp_train_param p = train_case_param(STEPS);
  const esp_train_hooks hooks = {.step = note, .context = o};
  p.stop = stop, p.validate = 2;
  int rc = train_case_run(ranks, backend, data, &p, &hooks, t);
  if (rc) fail_msg("%s", esp_error_message());
  keep(t, o);
}

static void serial(int message, outcome *o) {
  esp_backend self = esp_backend_self();
  train_case t = train_case_make(message, CLOUDS, BODIES);
  esp_sets data = train_case_sets(&t);
  memset(o, 0, sizeof *o);
  run(esp_comm_self(), &self, &data, 0, &t, o);
  for (int s = 1; s <= STEPS; s++) assert_true(o->loss[s] > 0);
  train_case_free(&t);
}

/* ---- shared batches ---- */

static void by_clouds(void **state) {
  (void)state;
  for (int message = 0; esp_body_messages[message]; message++) {
    outcome one, many = {0};
    serial(message, &one);
    esp_backend self = esp_backend_self();
    train_case t = train_case_make(message, CLOUDS, BODIES);
    esp_sets data = train_case_sets(&t);
    run(comm, &self, &data, 0, &t, &many);
    assert_same(&many, &one);
    train_case_free(&t);
  }
}

static void on_after_a_stop_on_one_rank(void **state) {
  (void)state;
  outcome one, many = {0};
  serial(CASE_NEWTON, &one);
  esp_backend self = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, CLOUDS, BODIES);
  esp_sets data = train_case_sets(&t);
  run(esp_comm_self(), &self, &data, 1, &t, &many);
  run(comm, &self, &data, 2, &t, &many);
  run(esp_comm_self(), &self, &data, 0, &t, &many);
  assert_same(&many, &one);
  train_case_free(&t);
}

/* ---- shared clouds ---- */

/* This rank's bodies of every cloud; the first rank holds few, so that homes differ from what ranks own. */
static train_case shard_case(const esp_backend *backend, int message) {
  esp_cloud *cloud = malloc(sizeof *cloud * CLOUDS);
  for (int c = 0; c < CLOUDS; c++) {
    int64_t n = BODIES + c, P = comm->size, r = comm->rank;
    int64_t first = n * r * r / (P * P), last = n * (r + 1) * (r + 1) / (P * P);
    cloud[c] = train_case_cloud(n, first, (int)(last - first), 100 + (uint64_t)c);
    train_case_targets(backend, &cloud[c]);
  }
  return train_case_of(message, CLOUDS, cloud);
}

static void by_particles(void **state) {
  (void)state;
  for (int message = 0; esp_body_messages[message]; message++) {
    outcome one, many = {0};
    serial(message, &one);
    esp_backend shared = esp_backend_self();
    shared.comm = comm;
    shared.build = esp_domain_build_mpi;
    train_case t = shard_case(&shared, message);
    esp_sets data = train_case_sets(&t);
    data.shared = 1;
    run(comm, &shared, &data, 0, &t, &many);
    assert_same(&many, &one);
    train_case_free(&t);
  }
}

/* ---- failures ---- */

static int missing_on_one(void *context, int c, const esp_set **set) {
  if (comm->rank == (comm->size - 1) % CLOUDS) return ESP_FAIL(ESP_ERR_FILE, "cloud %d is not there", c);
  return train_case_get(context, c, set);
}

static void one_failure_ends_all(void **state) {
  (void)state;
  esp_backend self = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, CLOUDS, BODIES);
  esp_sets data = train_case_sets(&t);
  esp_train_param p = train_case_param(STEPS);
  p.batch = CLOUDS;
  data.get = missing_on_one;
  assert_int_equal(train_case_run(comm, &self, &data, &p, NULL, &t), ESP_ERR_FILE);
  assert_non_null(strstr(esp_error_message(), "is not there"));
  esp_error_clear();
  /* a value on one rank: its cloud has a target that is not a number */
  data.get = train_case_get;
  for (int c = 0; c < CLOUDS && comm->rank == (comm->size - 1) % CLOUDS; c++) t.cloud[c].K[0][0] = NAN;
  assert_int_equal(train_case_run(comm, &self, &data, &p, NULL, &t), ESP_ERR_VALUE);
  esp_error_clear();
  train_case_free(&t);
}

/* On whole clouds as on shared ones, and for good: another call changes nothing. */
static void budget_becomes_an_angle(void **state) {
  (void)state;
  double theta[2];
  for (int shared = 0; shared < 2; shared++) {
    esp_backend backend = esp_backend_self();
    if (shared) {
      backend.comm = comm;
      backend.build = esp_domain_build_mpi;
    }
    train_case t = shared ? shard_case(&backend, CASE_MLP) : train_case_make(CASE_MLP, CLOUDS, BODIES);
    esp_domain_param *domain = &((esp_integrator_param *)t.model.param)->domain;
    const esp_set set = set_of_cloud(&t.cloud[0]);
    domain->lists.pairs_per_particle = 30;
    assert_int_equal(esp_gravity_begin(NULL, &backend, &t.model, &set), ESP_OK);
    theta[shared] = domain->lists.theta;
    assert_true(theta[shared] > 0 && theta[shared] < 4 && domain->lists.pairs_per_particle == 0);
    assert_int_equal(esp_gravity_begin(NULL, &backend, &t.model, &set), ESP_OK);
    assert_true(domain->lists.theta == theta[shared]);
    ((esp_integrator_param *)t.model.param)->message = CASE_NEWTON; /* has no lists of its own to bound */
    domain->lists.pairs_per_particle = 30;
    assert_int_equal(esp_gravity_begin(NULL, &backend, &t.model, &set), ESP_ERR_CONFIG);
    train_case_free(&t);
  }
  assert_true(theta[0] == theta[1]);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(by_clouds), cmocka_unit_test(on_after_a_stop_on_one_rank),
                                     cmocka_unit_test(by_particles), cmocka_unit_test(one_failure_ends_all),
                                     cmocka_unit_test(budget_becomes_an_angle)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  esp_comm_mpi_free(&comm);
  if (failed) MPI_Abort(MPI_COMM_WORLD, failed);
  return PetscFinalize() ? 1 : 0;
}
