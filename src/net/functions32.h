/* Exponential and logarithm in float32 as plain arithmetic, so that a loop of them becomes vector code and gives the
 * same bits in a vector as alone. Polynomials of the Cephes library (Moshier), error below 2 units in the last place.
 */
#ifndef ESP_FUNCTIONS32_H
#define ESP_FUNCTIONS32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* x is brought into [-87, 88]: no infinity, no subnormal. */
static inline __attribute__((always_inline)) float esp_exp32(float x) {
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  const float n = rintf(x * 1.44269504088896341f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t bits = ((int32_t)n + 127) * (1 << 23);
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

/* x normal and > 0. */
static inline __attribute__((always_inline)) float esp_log32(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int32_t e = (bits - 0x3f3504f3) >> 23; /* the mantissa then lies in [sqrt 1/2, sqrt 2) */
  bits -= e * (1 << 23);
  float m;
  memcpy(&m, &bits, sizeof m);
  const float f = m - 1.0f, z = f * f, n = (float)e;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  p = p * f * z - n * 2.12194440e-4f - 0.5f * z;
  return f + p + n * 0.693359375f;
}

#endif
