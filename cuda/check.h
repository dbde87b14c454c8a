/* ESP_CUDA: every CUDA call goes through it. A failure is recorded with the call, CUDA's name and text of the error, and
 * returned from the function: ESP_ERR_MEMORY if the device refused memory, else ESP_ERR_INTERNAL. After a launch check
 * cudaGetLastError(). Only .cu files include this. */
#ifndef ESP_CUDA_CHECK_H
#define ESP_CUDA_CHECK_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"
#ifdef __cplusplus
}
#endif

static inline int esp_cuda_code(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? ESP_ERR_MEMORY : ESP_ERR_INTERNAL;
}

#define ESP_CUDA(expr)                                                                                    \
  do {                                                                                                    \
    cudaError_t esp_error_ = (expr);                                                                      \
    if (esp_error_ != cudaSuccess)                                                                        \
      return esp_fail(esp_cuda_code(esp_error_), __FILE__, __LINE__, __func__, "CUDA: %s: %s: %s", #expr, \
                      cudaGetErrorName(esp_error_), cudaGetErrorString(esp_error_));                      \
  } while (0)
/* The same with a jump to a cleanup label `done`, setting the int variable `rc`. */
#define ESP_CUDA_TRY(expr)                                                                              \
  do {                                                                                                  \
    cudaError_t esp_error_ = (expr);                                                                    \
    if (esp_error_ != cudaSuccess) {                                                                    \
      rc = esp_fail(esp_cuda_code(esp_error_), __FILE__, __LINE__, __func__, "CUDA: %s: %s: %s", #expr, \
                    cudaGetErrorName(esp_error_), cudaGetErrorString(esp_error_));                      \
      goto done;                                                                                        \
    }                                                                                                   \
  } while (0)

#endif
