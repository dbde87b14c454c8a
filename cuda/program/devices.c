/* The devices of a program built with CUDA, in place of net/devices.c. */
#include "cuda/kernels.h"

const esp_device *const esp_devices[] = {&esp_device_cpu32, &esp_device_cpu64, &esp_device_cuda32, NULL};
