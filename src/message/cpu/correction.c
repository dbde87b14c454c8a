enum { NEWTON = 0, LEARNED = 1, LAW = 0 };
#include "message/cpu/body_kernels.h"

const esp_kernels ESP_KERNELS(correction) = {begin, end, forward, receivers, senders, NULL};
