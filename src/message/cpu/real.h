/* What the block routines compute in. Every kernel file is compiled twice, ESP_BITS 32 and 64 (src/CMakeLists.txt): float32
 * for training and prediction; float64 for truths, and as what central differences are held against. */
#ifndef ESP_CPU_REAL_H
#define ESP_CPU_REAL_H

#include <math.h>

#include "base/functions.h"
#include "message/kernels.h"

#if ESP_BITS == 32
#define ESP_REAL float
#define ESP_SQRT sqrtf
#define ESP_RINT rintf
#define ESP_EXP esp_exp32
#define ESP_LOG esp_log32
#define ESP_EXP2 esp_exp2_32 /* 2^x for x in [-ESP_FAINT, 0] */
#define ESP_FAINT 100.0f     /* a gate below 2^-ESP_FAINT is 0 */
#define ESP_TINY 1e-15f      /* a q below this is a pair that coincides without softening */
#define ESP_KERNELS(name) esp_##name##_cpu32
#else
#define ESP_REAL double
#define ESP_SQRT sqrt
#define ESP_RINT rint
#define ESP_EXP exp
#define ESP_LOG log
#define ESP_EXP2 exp2
#define ESP_FAINT 1000.0
#define ESP_TINY 1e-120
#define ESP_KERNELS(name) esp_##name##_cpu64
#endif

#define ESP_INLINE static inline __attribute__((always_inline))

#endif
