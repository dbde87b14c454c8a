/* Proves what espalier.h promises beside its figures: objects on overlapping communicators at the same time and again
 * and again without PETSc started by the caller, the same error on every rank where ranks disagree, a force whose
 * precision is the caller's whatever checkpoint is loaded, no particles, and gravity and its potential as their options have them.
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
#include "tasks/gravity/nbody_force.h"

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
  int64_t same[N];
  for (int i = 0; i < N; i++) same[i] = 5;
  p.id = same;
  same_error_everywhere(espalier_force(e, &p, a, NULL), 5);
  p = particles();
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
  esp_integrator_param param = {
      .layers = 2, .order = 4, .domain = {.leaf = 8, .block = 64, .dim = 3, .lists = {.pairs_limit = 65536}}};
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

/* Accelerations and potentials against sums over all pairs; rms of their relative errors into error[2]. */
static void gravity_errors(const esp_comm *comm, espalier *e, double *error, espalier_stats *stats) {
  enum { MANY = 1500 };
  static double y[MANY][3], mass[MANY], g[MANY][3], phi[MANY], alone[MANY], exact[MANY][3], potential[MANY];
  const espalier_particles p = {.n = MANY, .mass = mass, .position = (const double(*)[3])y, .G = 2, .softening = 0.05};
  double sum[2] = {0, 0};
  for (int i = 0; i < MANY; i++) {
    mass[i] = 1 + i % 3;
    for (int c = 0; c < 3; c++) y[i][c] = fmod(0.3 + (i + 1) * (0.31 + 0.217 * c) + 0.011 * rank, 1);
  }
  assert_ok(espalier_gravity(e, &p, g, phi, stats));
  assert_ok(espalier_gravity(e, &p, NULL, alone, NULL));
  assert_memory_equal(alone, phi, sizeof phi);
  assert_ok(esp_nbody_direct(comm, MANY, p.position, mass, MANY, p.position, p.softening, NULL, exact, potential));
  for (int i = 0; i < MANY; i++) {
    double miss = 0, size2 = 0;
    for (int c = 0; c < 3; c++) {
      miss += pow(g[i][c] - 2 * exact[i][c], 2);
      size2 += pow(2 * exact[i][c], 2);
    }
    sum[0] += miss / size2;
    sum[1] += pow(phi[i] / (2 * (potential[i] + mass[i] / p.softening)) - 1, 2);
  }
  assert_ok(comm->max_f64(comm, sum, 2));
  for (int k = 0; k < 2; k++) error[k] = sqrt(sum[k] / MANY);
}

static void gravity_and_its_options(void **state) {
  (void)state;
  static const struct {
    espalier_options options;
    double least, most;
  } cases[] = {{{.order = 0}, 1e-5, 3e-3},
               {{.order = 3}, 1e-4, 5e-2},
               {{.order = 5}, 1e-6, 3e-4},
               {{.order = 5, .tolerance = 1e-9}, 0, 2e-6}};
  esp_comm *comm;
  espalier *e;
  double error[2];
  espalier_stats stats;
  assert_ok(esp_comm_mpi_create(MPI_COMM_WORLD, &comm));
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    assert_ok(espalier_create(MPI_COMM_WORLD, &cases[k].options, &e));
    gravity_errors(comm, e, error, &stats);
    if (!(error[0] >= cases[k].least && error[0] <= cases[k].most && error[1] < error[0]))
      fail_msg("case %zu: errors %g, %g", k, error[0], error[1]);
    assert_true(stats.near_pairs > 0 && (k == 3 || stats.far_pairs > 0));
    espalier_destroy(&e);
  }
  same_error_everywhere(espalier_create(MPI_COMM_WORLD, &(espalier_options){.order = 6}, &e), 2);
  same_error_everywhere(espalier_create(MPI_COMM_WORLD, &(espalier_options){.tolerance = -1}, &e), 2);
  esp_comm_mpi_free(&comm);
}

/* Where the tree sums, in a box and over all pairs, there is no potential. */
static void potential_of_open_space(void **state) {
  (void)state;
  espalier *e, *all;
  espalier_particles p = particles();
  double phi[N];
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  assert_ok(espalier_create(MPI_COMM_WORLD, &(espalier_options){.theta = -1}, &all));
  same_error_everywhere(espalier_gravity(all, &p, a, phi, NULL), 2);
  assert_ok(espalier_gravity(all, &p, a, NULL, NULL));
  assert_ok(espalier_force(e, &p, b, NULL));
  for (int i = 0; i < N; i++)
    for (int c = 0; c < 3; c++) assert_true(fabs(a[i][c] - b[i][c]) < 2e-3 * (1 + fabs(a[i][c])));
  p.box[0] = p.box[1] = p.box[2] = 1;
  same_error_everywhere(espalier_gravity(e, &p, a, phi, NULL), 2);
  assert_ok(espalier_gravity(e, &p, a, NULL, NULL));
  assert_true(fabs(a[0][0] - b[0][0]) > 1e-4);
  espalier_destroy(&all);
  espalier_destroy(&e);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const struct CMUnitTest tests[] = {cmocka_unit_test(objects_on_any_communicators),
                                     cmocka_unit_test(ranks_that_disagree), cmocka_unit_test(force_keeps_its_precision),
                                     cmocka_unit_test(gravity_and_its_options),
                                     cmocka_unit_test(potential_of_open_space)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
