/* What base/inline.h asks of whoever compiles for a device; before any header of src/. Only .cu files include this. */
#ifndef ESP_CUDA_INLINE_H
#define ESP_CUDA_INLINE_H

#include <cuda_runtime.h>

#define ESP_INLINE static __host__ __device__ __forceinline__
#define ESP_BITS 32

#endif
