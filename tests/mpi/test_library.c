/* Proves what espalier.h promises beside its figures: objects on overlapping communicators at the same time and again
 * and again without PETSc started by the caller, the same error on every rank where ranks disagree, a force whose
 * precision is the caller's whatever checkpoint is loaded, and no particles.
 * ranks: 1 2 3 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/checkpoint.h"
#include "net/integrator.h"
#include "lib/espalier.h"

enum { N = 40 };
static int rank, size;
static double x[N][3], v[N][3], m[N], a[N][3], b[N][3];

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", espalier_error());
}

static espalier_particles particles(void) {
  for (int i = 0; i < N; i++) {
    m[i] = 1 + i % 3;
    for (int c = 0; c < 3; c++) {
      x[i][c] = fmod(0.3 + (i + 1) * (0.31 + 0.217 * c) + 0.11 * rank, 1);
      v[i][c] = 0.1 * x[i][2 - c];
    }
  }
  return (espalier_particles){.n = N,
                              .mass = m,
                              .position = (const double(*)[3])x,
                              .velocity = (const double(*)[3])v,
                              .G = 1,
                              .softening = 0.05};
}

/* The first object is of one rank alone or of some, the next of all: PETSc must not need them all at its start. */
static void objects_on_any_communicators(void **state) {
  (void)state;
  MPI_Comm some;
  espalier *part = NULL, *all = NULL;
  espalier_particles p = particles();
  MPI_Comm_split(MPI_COMM_WORLD, rank == 0 ? 0 : MPI_UNDEFINED, 0, &some);
  if (rank == 0) assert_ok(espalier_create(some, NULL, &part));
  for (int again = 0; again < 3; again++) {
    assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &all));
    if (rank == 0) assert_ok(espalier_force(part, &p, b, NULL));
    assert_ok(espalier_force(all, &p, a, NULL));
    assert_ok(espalier_destroy(&all));
    assert_null(all);
  }
  if (size == 1) assert_memory_equal(a, b, sizeof a);
  assert_ok(espalier_destroy(&part));
  if (rank == 0) MPI_Comm_free(&some);
}

static void same_error_everywhere(int code, int expected) {
  int range[2] = {code, -code};
  MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  assert_int_equal(range[0], expected);
  assert_int_equal(-range[1], expected);
  if (expected) assert_true(strlen(espalier_error()) > 0);
}

static void ranks_that_disagree(void **state) {
  (void)state;
  espalier *e;
  const int odd = size > 1 && rank == size - 1, bad = size > 1 ? 5 : 0;
  espalier_options options = {.leaf = odd ? 4 : 8};
  same_error_everywhere(espalier_create(MPI_COMM_WORLD, &options, &e), bad);
  espalier_destroy(&e);
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  same_error_everywhere(espalier_force(NULL, NULL, a, NULL), 1);
  espalier_particles p = particles();
  same_error_everywhere(espalier_force(e, odd || size == 1 ? NULL : &p, a, NULL), 1);
  same_error_everywhere(espalier_force(e, &p, odd || size == 1 ? NULL : a, NULL), 1);
  p.box[1] = odd ? 2 : 0;
  same_error_everywhere(espalier_force(e, &p, a, NULL), bad);
  p = particles();
  same_error_everywhere(espalier_predict(e, &p, odd || size == 1 ? NAN : 0.1, a, b, NULL, NULL), 5);
  same_error_everywhere(espalier_predict(e, &p, odd ? 0.2 : 0.1, a, b, NULL, NULL), bad);
  same_error_everywhere(espalier_predict(e, &p, 0.1, a, b, NULL, NULL), 0);
  p.n = 0;
  same_error_everywhere(espalier_predict(e, &p, 0.1, NULL, NULL, NULL, NULL), 0);
  espalier_destroy(&e);
}

static void force_keeps_its_precision(void **state) {
  (void)state;
  char path[] = "test_library_00000000.h5";
  long long name = getpid();
  MPI_Bcast(&name, 1, MPI_LONG_LONG, 0, MPI_COMM_WORLD);
  snprintf(path, sizeof path, "test_library_%08llx.h5", (unsigned long long)name & 0xffffffff);
  esp_integrator_param param = {.layers = 2,
                                .domain = {.leaf = 8, .block = 64, .dim = 3, .lists = {.pairs_limit = 65536}}};
  const esp_sizes sizes = {.width = {[ESP_INPUT] = 6, [ESP_SENT] = 1, [ESP_TARGET] = 6}};
  esp_model model;
  esp_comm *comm;
  espalier *plain, *trained;
  espalier_particles p = particles();
  espalier_options options = {.checkpoint = path};
  assert_ok(esp_comm_mpi_create(MPI_COMM_WORLD, &comm));
  assert_ok(esp_model_create(esp_network_find("integrator"), &param, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", esp_device_cpu32.name, NULL));
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &plain));
  assert_ok(espalier_create(MPI_COMM_WORLD, &options, &trained));
  if (rank == 0) remove(path);
  assert_ok(espalier_force(plain, &p, a, NULL));
  assert_ok(espalier_force(trained, &p, b, NULL));
  assert_memory_equal(a, b, sizeof a);
  espalier_destroy(&trained);
  espalier_destroy(&plain);
  esp_model_free(&model);
  esp_comm_mpi_free(&comm);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const struct CMUnitTest tests[] = {cmocka_unit_test(objects_on_any_communicators),
                                     cmocka_unit_test(ranks_that_disagree),
                                     cmocka_unit_test(force_keeps_its_precision)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
