/* Proves that the gate is as wide as it is asked to be, over all pairs as plain loops have it: the median is that of the receivers
 * at hand, the lower of two in the middle, and the width is found to 1e-4; that receivers are asked from everywhere where there are
 * many, and that those whose nearest sender is far beyond the width are heard; and what becomes of few particles. */
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

static double square(int d, const double *a, const double *b) {
  double sum = 0;
  for (int k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/* exp(entropy) of what receiver i hears. */
static double perplexity_of(int n, int d, const double *z, double t, int i) {
  double sum = 0, entropy = 0, near = INFINITY;
  for (int j = 0; j < n; j++)
    if (j != i) near = fmin(near, square(d, z + i * d, z + j * d));
  for (int j = 0; j < n; j++)
    if (j != i) sum += exp((near - square(d, z + i * d, z + j * d)) / (2 * t));
  for (int j = 0; j < n; j++) {
    const double p = j == i ? 0 : exp((near - square(d, z + i * d, z + j * d)) / (2 * t)) / sum;
    if (p > 0) entropy -= p * log(p);
  }
  return exp(entropy);
}

/* The median, the lower of the two in the middle. */
static double median_of(int n, int d, const double *z, double t) {
  double *all = calloc((size_t)n, sizeof *all), median;
  for (int i = 0; i < n; i++) all[i] = perplexity_of(n, d, z, t, i);
  qsort(all, (size_t)n, sizeof *all, ascending);
  median = all[(n - 1) / 2];
  free(all);
  return median;
}

/* It grows with t: a little less gives too little, a little more too much. */
static void check(int n, int d, const double *z, double asked, double wanted) {
  double t;
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), n, 0, n, d, z, asked, &t), ESP_OK);
  const double below = median_of(n, d, z, t * (1 - 1e-4)), above = median_of(n, d, z, t * (1 + 1e-4));
  if (!(below < wanted && wanted < above))
    fail_msg("of %d: asked for %g, t %.9g, where it is from %.9g to %.9g", n, asked, t, below, above);
}

static void as_asked(void **state) {
  (void)state;
  enum { N = 400, D = 3 };
  static const double part[] = {0.004, 0.005, 0.02, 0.1, 0.5, 0.995};
  double z[N * D];
  for (int k = 0; k < N * D; k++) z[k] = 7 * esp_rng_normal(1, (uint64_t)k, ESP_RNG_TEST, 0);
  for (int n = N; n > 8; n = n * 2 / 5 + 1) /* even and odd: 400, 161, 65, 27, 11 */
    for (size_t k = 0; k < sizeof part / sizeof *part; k++)
      if (part[k] * (n - 1) > 1.3) check(n, D, z, part[k] * (n - 1), part[k] * (n - 1));
}

/* Of many every so many is asked: of three parts, each of them three times as wide as the one before, the middle one has the
 * median. */
static void of_many_some(void **state) {
  (void)state;
  enum { N = 3072, PART = N / 3 };
  double *z = calloc(N, sizeof *z), t, at = 0;
  for (int k = 0; k < N; k++) z[k] = at, at += k < PART ? 1 : k < 2 * PART ? 3 : 9;
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), N, 0, N, 1, z, 20, &t), ESP_OK);
  const double width = sqrt(2 * acos(-1) * exp(1) * t) / 3; /* as an integral, without itself */
  if (fabs(width / 20 - 1) > 0.1) fail_msg("asked for 20, found %g", width);
  free(z);
}

/* All are far from each other, by almost the same: the nearest is a thousand widths away. */
static void far_from_all(void **state) {
  (void)state;
  enum { N = 25 };
  double z[N * N] = {0};
  for (int k = 0; k < N; k++) z[k * N + k] = 1e3 * (1 + 1e-6 * esp_rng_uniform(2, (uint64_t)k, ESP_RNG_TEST, 0));
  check(N, N, z, 6, 6);
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
  check(6, 1, z, 20, 2.5);
  check(6, 1, z, 5, 2.5);
  check(6, 1, z, 4.9, 4.9);
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), 3, 0, 3, 1, z, 20, &t), ESP_OK);
  assert_true(t > 0 && t < 1); /* of two senders the nearer one */
  assert_int_equal(esp_perplexity_temperature(esp_comm_self(), 6, 0, 6, 1, one, 20, &t), ESP_OK);
  assert_true(t == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_asked), cmocka_unit_test(of_many_some),
                                     cmocka_unit_test(far_from_all), cmocka_unit_test(few)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
