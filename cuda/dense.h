/* Dense layers on a device: net/dense.h with all arrays in the device's memory, and the CPU's bits. Local; the routines return when
 * the work is given to the device; what cannot be begun is kept (cuda/settled.h). */
#ifndef ESP_CUDA_DENSE_H
#define ESP_CUDA_DENSE_H

#ifdef __cplusplus
extern "C" {
#endif
#include "net/dense.h"

extern const esp_dense esp_dense_cuda;
/* As add_silu of net/rows.h. */
void esp_cuda_add_silu(int n, int in, int out, const double *W, const double *t, double *y);

#ifdef __cplusplus
}
#endif
#endif
