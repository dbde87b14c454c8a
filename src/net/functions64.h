/* Exponential in float64 as plain arithmetic, so that a loop of it becomes vector code and gives the same bits in a
 * vector as alone, whatever the C library. Error below 2 units in the last place where the result is normal. */
#ifndef ESP_FUNCTIONS64_H
#define ESP_FUNCTIONS64_H

#include <stdint.h>
#include <string.h>

/* 2^n of a whole n in [-1022, 1023]. */
static inline __attribute__((always_inline)) double esp_power64(double n) {
  const double shifted = n + 0x1.8p52; /* its last bits are those of n */
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/* 0 and infinity where they are due; NaN of NaN. */
static inline __attribute__((always_inline)) double esp_exp64(double x) {
  x = x > 750 ? 750 : x;
  x = x < -750 ? -750 : x;
  const double n = (x * 1.4426950408889634 + 0x1.8p52) - 0x1.8p52; /* nearest whole number */
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800; /* Taylor: |r| < 0.35 */
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * (r * r) + r + 1;
  const double half = (n * 0.5 + 0x1.8p52) - 0x1.8p52; /* in two steps: 2^n alone may be out of range */
  return p * esp_power64(half) * esp_power64(n - half);
}

#endif
