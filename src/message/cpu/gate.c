enum { MLP = 0 };
#include "message/cpu/gate_kernels.h"

const esp_kernels ESP_KERNELS(gate) = {begin, end, forward, receivers, senders, NULL};
