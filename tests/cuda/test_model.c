/* Proves that a tiled kernel with shared memory, barriers, shuffles and atomics gives the forces of the plain loop, bit by
 * bit, and their sum and the number of pairs: from no body to many blocks, and with ragged ends. On a device, and under
 * the model of one, whose order ESPALIER_MODEL_ORDER chooses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "cuda/device.h"
#include "tests/cuda/pair_sum.h"

enum { MOST = 1000 };
static double x[3 * MOST], mass[MOST], force[3 * MOST];

/* The force on body i, senders in the kernel's order. */
static void plain(int n, int i, double eps2, double f[3]) {
  f[0] = f[1] = f[2] = 0;
  for (int j = 0; j < n; j++) {
    if (j == i) continue;
    const double dx = x[3 * j] - x[3 * i], dy = x[3 * j + 1] - x[3 * i + 1], dz = x[3 * j + 2] - x[3 * i + 2];
    const double r2 = dx * dx + dy * dy + dz * dz + eps2, w = mass[j] / (r2 * sqrt(r2));
    f[0] += w * dx, f[1] += w * dy, f[2] += w * dz;
  }
  for (int k = 0; k < 3; k++) f[k] *= mass[i];
}

static void sums(void **state) {
  (void)state;
  static const int sizes[] = {0, 1, 7, 31, 32, 33, 64, 65, MOST};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const int n = sizes[s];
    for (int i = 0; i < n; i++) {
      mass[i] = 1 + esp_rng_uniform(1, (uint64_t)i, ESP_RNG_POSITION, 3);
      for (int k = 0; k < 3; k++) x[3 * i + k] = esp_rng_uniform(1, (uint64_t)i, ESP_RNG_POSITION, (uint32_t)k);
    }
    pair_totals totals;
    if (pair_sum(n, x, mass, 0.05, force, &totals)) fail_msg("n = %d: %s", n, esp_error_message());
    assert_int_equal(totals.pairs, (long long)n * (n - 1) * (n > 0));
    double sum[3] = {0}, scale = 0;
    for (int i = 0; i < n; i++) {
      double f[3];
      plain(n, i, 0.05 * 0.05, f);
      for (int k = 0; k < 3; k++) {
        if (f[k] != force[3 * i + k]) fail_msg("n = %d, body %d: %.17g, not %.17g", n, i, force[3 * i + k], f[k]);
        sum[k] += f[k];
        scale += fabs(f[k]);
      }
    }
    for (int k = 0; k < 3; k++) assert_true(fabs(sum[k] - totals.sum[k]) <= 1e-13 * scale);
  }
}

int main(void) {
  int count = 0;
  if (esp_device_count(&count)) return 1;
  if (count == 0) {
    printf("no device here: skipped\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
