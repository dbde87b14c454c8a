/* The direct sum is the plain double loop, for any number of particles and receivers, open and periodic; the tree force
 * is the direct sum at opening angle 0 and close to it above; so is the multipole method, in space and in a plane. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tasks/gravity/nbody_force.h"
#include "base/sum.h"

enum { N = 1000 };
static double X[N][3], M[N], A[N][3], B[N][3], PHI[N];
static int64_t ID[N];

static void draw(int n, int dim) {
  for (int i = 0; i < n; i++) {
    ID[i] = i;
    M[i] = esp_rng_uniform(7, (uint64_t)i, ESP_RNG_TEST, 9);
    for (int k = 0; k < 3; k++) X[i][k] = k < dim ? esp_rng_uniform(7, (uint64_t)i, ESP_RNG_TEST, (uint32_t)k) : 0;
  }
}

static double image(double r, double box) {
  return box > 0 ? r - box * round(r / box) : r;
}

/* The obvious loop. */
static void plain(int n, int i, double eps, const double *box, double *a, double *phi) {
  a[0] = a[1] = a[2] = *phi = 0;
  for (int j = 0; j < n; j++) {
    double r[3], q = eps * eps;
    for (int k = 0; k < 3; k++) {
      r[k] = image(X[j][k] - X[i][k], box[k]);
      q += r[k] * r[k];
    }
    if (q == 0) continue;
    for (int k = 0; k < 3; k++) a[k] += M[j] * r[k] * pow(q, -1.5);
    *phi -= M[j] / sqrt(q);
  }
}

static void check_direct(int n, double eps, const double *box) {
  const esp_comm *comm = esp_comm_self();
  assert_int_equal(esp_nbody_direct(comm, n, (const double(*)[3])X, M, n, (const double(*)[3])X, eps, box, A, PHI), 0);
  for (int i = 0; i < n; i++) {
    double a[3], phi, size = 0;
    plain(n, i, eps, box, a, &phi);
    for (int k = 0; k < 3; k++) size = fmax(size, fabs(a[k]));
    for (int k = 0; k < 3; k++) assert_true(fabs(A[i][k] - a[k]) <= 1e-12 * size);
    assert_true(fabs(PHI[i] - phi) <= 1e-12 * fabs(phi));
  }
}

static void direct_is_the_plain_loop(void **state) {
  (void)state;
  const int size[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, N};
  const double open[3] = {0}, square[3] = {1, 1, 0};
  for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
    draw(size[s], 3);
    check_direct(size[s], 0.05, open);
    check_direct(size[s], 0, open);
    draw(size[s], 2);
    check_direct(size[s], 0.05, square);
  }
}

static void coincident_and_massless(void **state) {
  (void)state;
  draw(32, 3);
  for (int i = 0; i < 32; i++) X[i][0] = X[i][1] = X[i][2] = 0.25;
  for (int zero = 0; zero < 2; zero++) {
    assert_int_equal(esp_nbody_direct(esp_comm_self(), 32, (const double(*)[3])X, M, 32, (const double(*)[3])X,
                                      zero ? 0 : 0.1, NULL, A, NULL),
                     0);
    for (int i = 0; i < 32; i++) assert_true(A[i][0] == 0 && A[i][1] == 0 && A[i][2] == 0);
  }
  draw(32, 3);
  for (int i = 0; i < 32; i++) M[i] = 0;
  check_direct(32, 0.1, (const double[3]){0});
}

/* A receiver's bits depend neither on its place among the receivers nor on how many there are. */
static void place_does_not_matter(void **state) {
  (void)state;
  draw(N, 3);
  const double(*x)[3] = (const double(*)[3])X;
  assert_int_equal(esp_nbody_direct(esp_comm_self(), N, x, M, N, x, 0.05, NULL, A, NULL), 0);
  for (int first = 0; first < 40; first++) {
    int count = 1 + (first * 7) % 37;
    assert_int_equal(esp_nbody_direct(esp_comm_self(), N, x, M, count, x + first, 0.05, NULL, B, NULL), 0);
    assert_memory_equal(B, A + first, (size_t)count * sizeof *B);
  }
}

static void tree_against_direct(void **state) {
  (void)state;
  const double size[] = {0, 0.5, 0.7}, most[] = {1e-12, 0.004, 0.02};
  for (int dim = 2; dim <= 3; dim++) {
    for (int s = 0; s < 3; s++) {
      esp_nbody_force_error error;
      esp_backend backend = esp_backend_self();
      backend.device = &esp_device_cpu64;
      draw(N, dim);
      esp_cloud cloud = {.G = 2, .eps = 0.02, .dim = dim};
      if (dim == 2) cloud.box[0] = cloud.box[1] = 1;
      esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_TREE, size[s], &cloud);
      force.block = 64;
      int64_t pairs[2] = {1, 1}; /* added to */
      force.pairs = pairs;
      const double(*x)[3] = (const double(*)[3])X;
      assert_int_equal(esp_nbody_accelerate(&force, N, x, M, ID, A), 0);
      assert_int_equal(esp_nbody_compare(&force, 1, 300, N, N, x, M, (const double(*)[3])A, &error), 0);
      assert_true(error.l2 <= most[s]);
      assert_true(s == 0 || error.l2 > 1e-9);
      const int64_t all = (int64_t)N * (N - 1);
      if (s == 0)
        assert_true(pairs[0] == 1 + all && pairs[1] == 1);
      else
        assert_true(pairs[0] > 1 && pairs[0] < all && pairs[1] > 1);
    }
  }
}

/* Errors by order and tolerance, in space and where all bodies lie in a plane; a box is refused. */
static void multipole_against_direct(void **state) {
  (void)state;
  const double tolerance[] = {0, 1e-7, 0}, most[] = {2e-2, 1e-5, 2e-4};
  for (int dim = 2; dim <= 3; dim++)
    for (int t = 0; t < 3; t++) {
      esp_nbody_force_error error;
      const esp_backend backend = esp_backend_self();
      const esp_cloud cloud = {.G = 2, .eps = 0.02, .dim = dim};
      esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_MULTIPOLE, 0, &cloud);
      int64_t pairs[2] = {1, 1}; /* added to */
      force.tolerance = tolerance[t];
      if (t == 0) force.order = 3;
      if (t == 1) force.pairs = pairs;
      draw(N, dim);
      const double(*x)[3] = (const double(*)[3])X;
      assert_int_equal(esp_nbody_accelerate(&force, N, x, M, ID, A), 0);
      assert_int_equal(esp_nbody_compare(&force, 1, 300, N, N, x, M, (const double(*)[3])A, &error), 0);
      if (!(error.rms <= most[t])) fail_msg("%d-D, tolerance %g: error %g", dim, tolerance[t], error.rms);
      assert_true(t == 1 || error.rms > 0.01 * most[t]);
      for (int i = 0; i < N && dim == 2; i++) assert_true(A[i][2] == 0);
      if (t == 1) assert_true(pairs[0] > 1 && pairs[0] <= 1 + N * N && pairs[1] >= 1);
      force.box[1] = 1;
      assert_int_equal(esp_nbody_accelerate(&force, N, x, M, ID, A), ESP_ERR_ARG);
    }
}

static void sample_is_spread_and_split(void **state) {
  (void)state;
  int all[64], part[64];
  assert_int_equal(esp_nbody_sample(3, 10, 64, 0, 10, all), 10);
  assert_int_equal(esp_nbody_sample(3, 1000, 64, 0, 1000, all), 64);
  for (int k = 1; k < 64; k++) assert_true(all[k] > all[k - 1]);
  int low = esp_nbody_sample(3, 1000, 64, 0, 333, part);
  assert_memory_equal(part, all, (size_t)low * sizeof *part);
  assert_int_equal(low + esp_nbody_sample(3, 1000, 64, 333, 667, part), 64);
  assert_int_equal(part[0] + 333, all[low]);
}

static void selection_is_exact(void **state) {
  (void)state;
  const double value[] = {3, 0, 1e300, 5e-324, 3, 2, -0.0, 1e-5};
  const double sorted[] = {0, 0, 5e-324, 1e-5, 2, 3, 3, 1e300};
  double got;
  for (int k = 0; k < 8; k++) {
    assert_int_equal(esp_sum_select(esp_comm_self(), 8, value, k, &got), 0);
    assert_true(got == sorted[k]);
  }
  assert_int_equal(esp_sum_select(esp_comm_self(), 8, value, 8, &got), ESP_ERR_ARG);
  assert_int_equal(esp_sum_select(esp_comm_self(), 1, (const double[]){NAN}, 0, &got), ESP_ERR_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coincident_and_massless),  cmocka_unit_test(direct_is_the_plain_loop),
      cmocka_unit_test(place_does_not_matter),    cmocka_unit_test(tree_against_direct),
      cmocka_unit_test(multipole_against_direct), cmocka_unit_test(sample_is_spread_and_split),
      cmocka_unit_test(selection_is_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
