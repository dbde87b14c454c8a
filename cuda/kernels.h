/* The rows of the device cuda32, a message each: the CPU's bits in float32. */
#ifndef ESP_CUDA_KERNELS_H
#define ESP_CUDA_KERNELS_H

#include "net/device.h"

extern const esp_kernels esp_newton_cuda32, esp_newton_mlp_cuda32, esp_correction_cuda32, esp_law_cuda32,
    esp_gate_cuda32, esp_gate_mlp_cuda32;

/* Gravity by multipoles: the bits of all rows of fmm/work.h. */
extern const struct esp_fmm_kernels esp_fmm_cuda32;

/* Messages in float32 on a device of CUDA, the first one free for each rank of a machine. */
extern const esp_device esp_device_cuda32;

#endif
