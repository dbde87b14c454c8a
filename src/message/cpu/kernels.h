/* The kernels of the CPU: one table a message and precision, each from the file of the message's name. */
#ifndef ESP_CPU_KERNELS_H
#define ESP_CPU_KERNELS_H

#include "message/kernels.h"

#define ESP_CPU_KERNELS(name) extern const esp_kernels esp_##name##_cpu32, esp_##name##_cpu64
ESP_CPU_KERNELS(newton);
ESP_CPU_KERNELS(newton_mlp);
ESP_CPU_KERNELS(law);
ESP_CPU_KERNELS(gate);
ESP_CPU_KERNELS(gate_mlp);

#endif
