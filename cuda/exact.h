/* Exact sums on a device: many accumulators at once, in the device's memory, with the host's words (base/exact_sum.h). Local; they
 * return when the work is given to the device. Errors: what the device reports; memory. */
#ifndef ESP_CUDA_EXACT_H
#define ESP_CUDA_EXACT_H

#ifdef __cplusplus
extern "C" {
#endif
#include "base/exact_sum.h"

/* acc [numbers][words of the full format] += sum [groups][numbers], a term each. */
int esp_cuda_exact_add(size_t groups, size_t numbers, const double *sum, int64_t *acc);
/* As esp_exact_carry; y [count] = esp_exact_value of each. */
int esp_cuda_exact_carry(const esp_exact_format *format, int64_t *acc, size_t count);
int esp_cuda_exact_value(const esp_exact_format *format, const int64_t *acc, size_t count, double *y);

#ifdef __cplusplus
}
#endif
#endif
