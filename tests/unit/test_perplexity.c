/* Proves that the gate is as wide as it is asked to be, over all pairs as plain loops have it; and what becomes of few particles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "net/perplexity.h"

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median of exp(entropy), the lower of the two in the middle. */
static double median_of(int n, int d, const double *z, double t) {
  double *all = calloc((size_t)n, sizeof *all), median;
  for (int i = 0; i < n; i++) {
    double sum = 0, rest = 0;
    for (int j = 0; j < n; j++) {
      double r = 0;
      for (int a = 0; a < d; a++) r += pow(z[i * d + a] - z[j * d + a], 2);
      const double w = j == i ? 0 : exp(-r / (2 * t));
      sum += w, rest += w * r / (2 * t);
    }
    all[i] = exp(log(sum) + rest / sum);
  }
  qsort(all, (size_t)n, sizeof *all, ascending);
  median = (all[(n - 1) / 2] + all[n / 2]) / 2;
  free(all);
  return median;
}

static void as_asked(void **state) {
  (void)state;
  enum { N = 400, D = 3 };
  double z[N * D], t;
  for (int k = 0; k < N * D; k++) z[k] = 7 * esp_rng_normal(1, (uint64_t)k, ESP_RNG_TEST, 0);
  for (double wanted = 2; wanted < 200; wanted *= 3) {
    assert_int_equal(esp_perplexity_temperature(esp_comm_self(), N, 0, N, D, z, wanted, &t), ESP_OK);
    const double found = median_of(N, D, z, t);
    if (fabs(found / wanted - 1) > 0.01) fail_msg("perplexity %g: asked for %g, t %g", found, wanted, t);
  }
}

/* Of many every so many is asked: half of them lie where others are twice as far. */
static void of_many_some(void **state) {
  (void)state;
  enum { N = 2000 };
  double *z = calloc(N, sizeof *z), t;
  for (int k = 0; k < N; k++) z[k] = k;
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), N, 0, N, 1, z, 20, &t), ESP_OK);
  assert_true(fabs(sqrt(2 * 3.14159265 * 2.718281828 * t) / 20 - 1) < 0.1); /* as an integral, without itself */
  free(z);
}

static void few(void **state) {
  (void)state;
  const double z[] = {0, 3, -1, 5, 9, 2};
  const double one[] = {4, 4, 4, 4, 4, 4};
  double t;
  for (int n = 0; n < 3; n++) {
    assert_int_equal(esp_perplexity_temperature(esp_comm_self(), n, 0, n, 1, z, 20, &t), ESP_OK);
    assert_true(t == 1);
  }
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), 6, 0, 6, 1, z, 20, &t), ESP_OK);
  assert_true(fabs(median_of(6, 1, z, t) - 2.5) < 0.6);
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), 6, 0, 6, 1, one, 20, &t), ESP_OK);
  assert_true(t == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_asked), cmocka_unit_test(of_many_some), cmocka_unit_test(few)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
