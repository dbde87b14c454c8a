enum { NEWTON = 0, LEARNED = 1, LAW = 1 };
#include "message/cpu/body_kernels.h"

const esp_kernels ESP_KERNELS(law) = {begin, end, forward, receivers, senders, NULL};
