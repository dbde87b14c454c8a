/* What the block routines compute in. Every kernel file is compiled twice, ESP_BITS 32 and 64 (src/CMakeLists.txt): float32
 * for training and prediction; float64 for truths, and as what central differences are held against. */
#ifndef ESP_CPU_REAL_H
#define ESP_CPU_REAL_H

#include "message/kernels.h"
#include "message/pairs/real.h"

#if ESP_BITS == 32
#define ESP_KERNELS(name) esp_##name##_cpu32
#else
#define ESP_KERNELS(name) esp_##name##_cpu64
#endif

#endif
