/* Proves that the nearest particles are those of a sorted list of all, ties by number, and their sums plain ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "base/rng.h"

#define OK(expr) assert_int_equal((expr), ESP_OK)
enum { N = 600, D = 3, F = 2, MOST = 9 };

static double x[N * D], v[N * F];

static void draw(int n, double step) { /* on a grid: many ties */
  for (int k = 0; k < n * D; k++) x[k] = step * rint(esp_rng_normal(1, (uint64_t)k, ESP_RNG_TEST, 0) / step);
  for (int k = 0; k < n * F; k++) v[k] = esp_rng_normal(2, (uint64_t)k, ESP_RNG_TEST, 0);
}

static double distance2(int i, int j) {
  double d2 = 0;
  for (int a = 0; a < D; a++) d2 += (x[j * D + a] - x[i * D + a]) * (x[j * D + a] - x[i * D + a]);
  return d2;
}

/* The place of j in the order of particles as seen from i. */
static int place(int n, int i, int j) {
  int before = 0;
  const double at = distance2(i, j);
  for (int k = 0; k < n; k++) {
    const double d2 = distance2(i, k);
    before += k != i && (d2 < at || (d2 == at && k < j));
  }
  return before;
}

static void check(int n, int neighbours) {
  esp_nearest nearest;
  double sum[N * (F + 1)];
  OK(esp_nearest_find(esp_comm_self(), n, 0, n, D, x, F, v, neighbours, &nearest));
  assert_int_equal(nearest.k, esp_imin(neighbours, n > 0 ? n - 1 : 0));
  for (int i = 0; i < n; i++)
    for (int e = 0; e < nearest.k; e++) {
      const int j = nearest.index[i * nearest.k + e];
      assert_int_equal(place(n, i, j), e);
      assert_true(nearest.distance2[i * nearest.k + e] == distance2(i, j));
    }
  for (int own = 0; own < 2; own++) {
    esp_nearest_sum(&nearest, 0.7, 1, own ? v : NULL, sum);
    for (int i = 0; i < n; i++) {
      double plain[F + 1] = {own ? v[i * F] : 0, own ? v[i * F + 1] : 0, own};
      for (int j = 0; j < n; j++) {
        const double weight = exp(-distance2(i, j) / (2 * 0.7 * 0.7));
        if (i == j || place(n, i, j) >= nearest.k) continue;
        for (int c = 0; c < F; c++) plain[c] += weight * v[j * F + c];
        plain[F] += weight;
      }
      for (int c = 0; c <= F; c++) assert_true(fabs(sum[i * (F + 1) + c] - plain[c]) < 1e-12);
    }
  }
  esp_nearest_free(&nearest);
}

static void equals_a_sorted_list(void **state) {
  (void)state;
  draw(N, 1e-9);
  check(300, MOST); /* more than a tile */
  draw(N, 0.5);
  for (int n = 0; n < 4; n++) check(n, MOST);
  check(97, MOST);
  check(20, 40); /* more wanted than there are */
}

/* Coincident particles: the lowest numbers are the nearest. */
static void ties_go_to_the_lower_number(void **state) {
  (void)state;
  esp_nearest nearest;
  for (int k = 0; k < N * D; k++) x[k] = 1;
  OK(esp_nearest_find(esp_comm_self(), 5, 0, 5, D, x, F, v, 2, &nearest));
  const int wanted[10] = {1, 2, 0, 2, 0, 1, 0, 1, 0, 1};
  for (int e = 0; e < 10; e++) assert_int_equal(nearest.index[e], wanted[e]);
  esp_nearest_free(&nearest);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_a_sorted_list),
                                     cmocka_unit_test(ties_go_to_the_lower_number)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
