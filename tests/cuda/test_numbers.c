/* Proves that the arithmetic of a device is IEEE's, rounded once, its whole numbers and conversions those that CUDA
 * promises, at the ends of the range, too: on a device, and under the model of one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "cuda/device.h"
#include "tests/cuda/numbers.h"

enum { N = 100 };

/* Bits of the word, from the lowest; whether one is set. */
static int bit(uint64_t word, int k) {
  return (int)(word >> k & 1);
}
static int count(uint64_t word, int bits) {
  int sum = 0;
  for (int k = 0; k < bits; k++) sum += bit(word, k);
  return sum;
}
/* 1 + the lowest bit that is set, 0: none. */
static int lowest(uint64_t word, int bits) {
  for (int k = 0; k < bits; k++)
    if (bit(word, k)) return k + 1;
  return 0;
}
static int leading(uint64_t word, int bits) {
  int k = 0;
  while (k < bits && !bit(word, bits - 1 - k)) k++;
  return k;
}
static uint64_t backwards(uint64_t word, int bits) {
  uint64_t all = 0;
  for (int k = 0; k < bits; k++) all |= (uint64_t)bit(word, k) << (bits - 1 - k);
  return all;
}

static void whole(void **state) {
  (void)state;
  unsigned bits[N] = {0, 1, 2, 0x80000000u, 0xffffffffu, 0x7fffffffu};
  static int out[N * NUMBERS];
  for (int i = 6; i < N; i++) bits[i] = (unsigned)(4294967296. * esp_rng_uniform(1, (uint64_t)i, ESP_RNG_POSITION, 0));
  if (numbers_whole(N, bits, out)) fail_msg("%s", esp_error_message());
  static const int sizes[] = {8, 8, 12, 4, 16, 16, 16, 16, 4, 4, 8, 8, 16, 16};
  int aligned = 0;
  for (int k = 0; k < 14; k++) aligned += sizes[k] * (2 * k + 1);
  for (int i = 0; i < N; i++) {
    const unsigned a = bits[i], b = ~a;
    const uint64_t both = (uint64_t)a << 32 | b;
    const int64_t product = (int64_t)(int)a * (int)b;
    const unsigned right[NUMBERS] = {(unsigned)count(a, 32),
                                     (unsigned)lowest(a, 32),
                                     (unsigned)leading(a, 32),
                                     (unsigned)backwards(a, 32),
                                     (unsigned)count(both, 64),
                                     (unsigned)lowest(both, 64),
                                     (unsigned)leading(both, 64),
                                     (unsigned)backwards(both, 64),
                                     (unsigned)((uint64_t)a * b >> 32),
                                     (unsigned)(product >> 32),
                                     a,
                                     b,
                                     (int)a < (int)b ? a : b,
                                     a > b ? a : b,
                                     (a >> 4) + 1,
                                     (unsigned)aligned};
    for (int k = 0; k < NUMBERS; k++)
      if ((unsigned)out[NUMBERS * i + k] != right[k])
        fail_msg("bits %08x, number %d: %08x, not %08x", a, k, (unsigned)out[NUMBERS * i + k], right[k]);
  }
}

static void real(void **state) {
  (void)state;
  static float a[N], b[N], c[N];
  static double out[N * NUMBERS];
  for (int i = 0; i < N; i++) {
    float *const abc[] = {a, b, c};
    for (uint32_t k = 0; k < 3; k++)
      abc[k][i] = (float)(exp(20 * esp_rng_uniform(2, (uint64_t)i, ESP_RNG_POSITION, k) - 10));
    c[i] = -a[i] * b[i]; /* the fused sum is what the product's rounding left */
  }
  a[0] = 1e-40f; /* below the normal numbers, and not flushed to 0 */
  b[1] = NAN;
  if (numbers_real(N, a, b, c, out)) fail_msg("%s", esp_error_message());
  for (int i = 0; i < N; i++) {
    const float x = a[i], y = b[i], z = c[i];
    const double X = x, Y = y, Z = z, *got = out + NUMBERS * i;
    const double right[NUMBERS] = {x + y, x - y, x * y, x / y,        fmaf(x, y, z), 1 / x,   sqrtf(x),    X + Y,
                                   X - Y, X * Y, X / Y, fma(X, Y, Z), 1 / X,         sqrt(X), fminf(x, y), fmax(X, Y)};
    for (int k = 0; k < NUMBERS; k++)
      if (got[k] != right[k] && !(isnan(got[k]) && isnan(right[k])))
        fail_msg("row %d, number %d: %.17g, not %.17g", i, k, got[k], right[k]);
  }
}

static void fixed(void **state) {
  (void)state;
  static const float a[] = {0.5f, 1.5f, -0.5f, -1.5f, 2.75f, -2.75f, 3e9f, -3e9f, INFINITY, 16777217, -0.f};
  static const int down[] = {0, 1, -1, -2, 2, -3, INT_MAX, INT_MIN, INT_MAX, 16777216, 0};
  static const int near[] = {0, 2, 0, -2, 3, -3, INT_MAX, INT_MIN, INT_MAX, 16777216, 0};
  static const int zero[] = {0, 1, 0, -1, 2, -2, INT_MAX, INT_MIN, INT_MAX, 16777216, 0};
  enum { ROWS = sizeof a / sizeof *a };
  int out[ROWS * NUMBERS];
  if (numbers_fixed(ROWS, a, out)) fail_msg("%s", esp_error_message());
  for (int i = 0; i < ROWS; i++) {
    const int right[] = {near[i], down[i], zero[i], near[i], down[i], zero[i]};
    for (int k = 0; k < 6; k++)
      if (out[NUMBERS * i + k] != right[k])
        fail_msg("%g, number %d: %d, not %d", a[i], k, out[NUMBERS * i + k], right[k]);
  }
}

int main(void) {
  int devices = 0;
  if (esp_device_count(&devices)) return 1;
  if (devices == 0) {
    printf("no device here: skipped\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(real), cmocka_unit_test(fixed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
