enum { NEWTON = 1, LEARNED = 0, LAW = 0 };
#include "message/cpu/body_kernels.h"

const esp_kernels ESP_KERNELS(newton) = {begin, end, forward, receivers, senders, NULL};
