#include "net/device.h"

const esp_device *const esp_devices[] = {&esp_device_cpu32, &esp_device_cpu64, NULL};
