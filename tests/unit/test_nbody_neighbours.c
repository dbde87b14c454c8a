/* Proves that the nearest-neighbour force sums exactly the k nearest: against a sort, and against all pairs at k = n-1. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/gravity/nbody_force.h"
#include "tasks/gravity/nbody_neighbours.h"

enum { N = 60 };
static double x[N][3], m[N], a[N][3];

static void make(void) {
  for (int i = 0; i < N; i++) {
    m[i] = esp_rng_uniform(1, (uint64_t)i, ESP_RNG_TEST, 9);
    for (int c = 0; c < 3; c++) x[i][c] = esp_rng_uniform(1, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c);
  }
}

/* The force of the k nearest by selection of the smallest, one after the other. */
static void by_selection(int i, int k, double eps, double box, double out[3]) {
  char used[N] = {0};
  memset(out, 0, 3 * sizeof *out);
  for (int s = 0; s < k; s++) {
    double best = INFINITY, best_r[3] = {0};
    int chosen = -1;
    for (int j = 0; j < N; j++) {
      double r[3], d2 = 0;
      for (int c = 0; c < 3; c++) {
        r[c] = x[j][c] - x[i][c];
        if (box > 0) r[c] -= box * rint(r[c] / box);
        d2 += r[c] * r[c];
      }
      if (j != i && !used[j] && d2 < best) best = d2, chosen = j, memcpy(best_r, r, sizeof r);
    }
    if (chosen < 0) return;
    used[chosen] = 1;
    for (int c = 0; c < 3; c++) out[c] += m[chosen] * best_r[c] * pow(best + eps * eps, -1.5);
  }
}

static void sums_the_nearest(void **state) {
  (void)state;
  make();
  const int ks[] = {0, 1, 15, N - 1, N + 5};
  for (int periodic = 0; periodic < 2; periodic++) {
    const double box[3] = {periodic, periodic, periodic};
    for (size_t s = 0; s < sizeof ks / sizeof ks[0]; s++) {
      assert_int_equal(esp_nbody_nearest(N, (const double(*)[3])x, m, ks[s], 0.1, box, a), ESP_OK);
      for (int i = 0; i < N; i++) {
        double expected[3];
        by_selection(i, ks[s], 0.1, periodic, expected);
        for (int c = 0; c < 3; c++) assert_true(fabs(a[i][c] - expected[c]) <= 1e-11 * (1 + fabs(expected[c])));
      }
    }
  }
}

/* As a force of the integrators it is the same, times G. */
static void is_a_force(void **state) {
  (void)state;
  make();
  double b[N][3];
  int64_t id[N] = {0};
  esp_backend backend = esp_backend_self();
  esp_nbody_force force = {
      .backend = &backend, .kind = ESP_NBODY_NEAREST, .G = 3, .eps = 0.1, .dim = 3, .neighbours = 7};
  assert_int_equal(esp_nbody_nearest(N, (const double(*)[3])x, m, 7, 0.1, NULL, a), ESP_OK);
  assert_int_equal(esp_nbody_accelerate(&force, N, (const double(*)[3])x, m, id, b), ESP_OK);
  for (int i = 0; i < N; i++)
    for (int c = 0; c < 3; c++) assert_true(b[i][c] == 3 * a[i][c]);
}

static void degenerate(void **state) {
  (void)state;
  assert_int_equal(esp_nbody_nearest(0, NULL, NULL, 3, 0, NULL, NULL), ESP_OK);
  double same[2][3] = {{1, 1, 1}, {1, 1, 1}}, mass[2] = {1, 1}, out[2][3];
  assert_int_equal(esp_nbody_nearest(2, (const double(*)[3])same, mass, 1, 0, NULL, out), ESP_OK);
  assert_true(out[0][0] == 0 && out[1][2] == 0);
  assert_int_equal(esp_nbody_nearest(2, (const double(*)[3])same, mass, INT32_MAX, 0, NULL, out), ESP_OK);
  assert_int_equal(esp_nbody_nearest(2, (const double(*)[3])same, mass, -1, 0, NULL, out), ESP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(degenerate), cmocka_unit_test(sums_the_nearest),
                                     cmocka_unit_test(is_a_force)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
