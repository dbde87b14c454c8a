/* Exponential and logarithm as plain arithmetic, so that a loop of them becomes vector code and gives the same bits in a
 * vector as alone, and on any processor, whatever its libraries. In float32 polynomials of the Cephes library (Moshier),
 * with product-sums fused. Errors below 2 units in the last place where the result is normal. */
#ifndef ESP_FUNCTIONS_H
#define ESP_FUNCTIONS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/inline.h"

/* ---- float32 ---- */

/* exp(x) + c, rounded once. x is brought into [-87, 88]: no infinity, no subnormal. */
ESP_INLINE float esp_exp_add32(float x, float c) {
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  const float n = rintf(x * 1.44269504088896341f);
  const float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, x));
  float p = 1.9875691500e-4f;
  p = fmaf(p, r, 1.3981999507e-3f);
  p = fmaf(p, r, 8.3334519073e-3f);
  p = fmaf(p, r, 4.1665795894e-2f);
  p = fmaf(p, r, 1.6666665459e-1f);
  p = fmaf(p, r, 5.0000001201e-1f);
  p = fmaf(p, r * r, r) + 1.0f;
  const int32_t bits = ((int32_t)n + 127) * (1 << 23);
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return fmaf(p, scale, c);
}
ESP_INLINE float esp_exp32(float x) {
  return esp_exp_add32(x, 0);
}
/* 1 / (1 + exp(-x)). */
ESP_INLINE float esp_sigmoid32(float x) {
  return 1 / esp_exp_add32(-x, 1);
}

/* x normal and > 0. */
ESP_INLINE float esp_log32(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int32_t e = (bits - 0x3f3504f3) >> 23; /* the mantissa then lies in [sqrt 1/2, sqrt 2) */
  bits -= e * (1 << 23);
  float m;
  memcpy(&m, &bits, sizeof m);
  const float f = m - 1.0f, z = f * f, n = (float)e;
  float p = 7.0376836292e-2f;
  p = fmaf(p, f, -1.1514610310e-1f);
  p = fmaf(p, f, 1.1676998740e-1f);
  p = fmaf(p, f, -1.2420140846e-1f);
  p = fmaf(p, f, 1.4249322787e-1f);
  p = fmaf(p, f, -1.6668057665e-1f);
  p = fmaf(p, f, 2.0000714765e-1f);
  p = fmaf(p, f, -2.4999993993e-1f);
  p = fmaf(p, f, 3.3333331174e-1f);
  p = fmaf(z, -0.5f, fmaf(n, -2.12194440e-4f, p * f * z));
  return fmaf(n, 0.693359375f, f + p);
}

/* 2^x for x in [-126, 0]. */
ESP_INLINE float esp_exp2_32(float x) {
  const float n = rintf(x), r = x - n;
  float p = 1.535336188e-4f;
  p = fmaf(p, r, 1.339887440e-3f);
  p = fmaf(p, r, 9.618437357e-3f);
  p = fmaf(p, r, 5.550332471e-2f);
  p = fmaf(p, r, 2.402264791e-1f);
  p = fmaf(p, r, 6.931472028e-1f);
  p = fmaf(p, r, 1.0f);
  int32_t bits;
  memcpy(&bits, &p, sizeof bits);
  bits += (int32_t)n * (1 << 23);
  memcpy(&p, &bits, sizeof p);
  return p;
}

/* ---- float64 ---- */

/* 2^n of a whole n in [-1022, 1023]. */
ESP_INLINE double esp_power64(double n) {
  const double shifted = n + 0x1.8p52; /* its last bits are those of n */
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/* 0 and infinity where they are due; NaN of NaN. */
ESP_INLINE double esp_exp64(double x) {
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

/* ln x of x normal and > 0, by the method of fdlibm's log (Sun Microsystems, 1993), below 1 unit in the last place; infinity
 * and NaN of themselves. */
ESP_INLINE double esp_log64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (bits >> 52 >= 0x7ff) return x;
  const uint64_t up =
      bits + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu); /* the mantissa then lies in [sqrt 1/2, sqrt 2) */
  const double k = (double)((int)(up >> 52) - 1023);
  bits = (up & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu;
  double m;
  memcpy(&m, &bits, sizeof m);
  const double f = m - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
  double p = 1.479819860511658591e-01;
  p = p * z + 1.531383769920937332e-01;
  p = p * z + 1.818357216161805012e-01;
  p = p * z + 2.222219843214978396e-01;
  p = p * z + 2.857142874366239149e-01;
  p = p * z + 3.999999999940941908e-01;
  p = p * z + 6.666666666666735130e-01;
  p = p * z;
  return k * 6.93147180369123816490e-01 - ((half - (s * (half + p) + k * 1.90821492927058770002e-10)) - f);
}

/* t / (1 + exp(-t)), and its slope. */
ESP_INLINE double esp_silu64(double t) {
  return t / (1 + esp_exp64(-t));
}
ESP_INLINE double esp_silu_slope64(double t) {
  const double s = 1 / (1 + esp_exp64(-t));
  return s * (1 + t * (1 - s));
}

/* 1 / (1 + exp(-x)), by the C library. */
ESP_INLINE double esp_sigmoid64(double x) {
  return 1 / (1 + exp(-x));
}

#endif
