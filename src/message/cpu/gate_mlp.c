enum { MLP = 1 };
#include "message/cpu/gate_kernels.h"

const esp_kernels ESP_KERNELS(gate_mlp) = {begin, end, forward, receivers, senders, NULL};
