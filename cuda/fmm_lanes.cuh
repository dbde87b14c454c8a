/* A lane of what fmm/pairs/ computes, a thread's own, as fmm/cpu/lanes.h has vectors of them. Only .cu files include this, behind
 * cuda/inline.h. */
#ifndef ESP_CUDA_FMM_LANES_CUH
#define ESP_CUDA_FMM_LANES_CUH

#include "cuda/fmm.h"
#include "fmm/pairs/lane.h"

#define ESP_UNROLL _Pragma("unroll")

ESP_INLINE fv fv_root(fv a) {
  return 1.0f / sqrtf(a);
}

#endif
