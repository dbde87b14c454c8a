/* What pairs are computed in, for whoever compiles them: ESP_BITS 32 or 64. Product-sums are fused where it says ESP_FMA and
 * nowhere else, so that every processor rounds alike: nothing that includes this may be contracted by its compiler. Valid C
 * and C++. */
#ifndef ESP_PAIRS_REAL_H
#define ESP_PAIRS_REAL_H

#include <math.h>

#include "base/functions.h"

#if ESP_BITS == 32
#define ESP_REAL float
#define ESP_FMA fmaf /* a b + c */
#define ESP_SQRT sqrtf
#define ESP_RINT rintf
#define ESP_SIGMOID esp_sigmoid32 /* 1 / (1 + exp(-x)) */
#define ESP_LOG esp_log32
#define ESP_EXP2 esp_exp2_32 /* 2^x for x in [-ESP_FAINT, 0] */
#define ESP_FAINT 100.0f     /* a gate below 2^-ESP_FAINT is 0 */
#define ESP_TINY 1e-15f      /* a q below this is a pair that coincides without softening */
#else
#define ESP_REAL double
#define ESP_FMA fma
#define ESP_SQRT sqrt
#define ESP_RINT rint
#define ESP_SIGMOID esp_sigmoid64
#define ESP_LOG log
#define ESP_EXP2 exp2
#define ESP_FAINT 1000.0
#define ESP_TINY 1e-120
#endif

/* x0 y0 + x1 y1 + x2 y2, and with c before them. */
ESP_INLINE ESP_REAL esp_dot3(ESP_REAL x0, ESP_REAL x1, ESP_REAL x2, ESP_REAL y0, ESP_REAL y1, ESP_REAL y2) {
  return ESP_FMA(x2, y2, ESP_FMA(x1, y1, x0 * y0));
}

#endif
