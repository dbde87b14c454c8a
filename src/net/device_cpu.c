/* The CPU, in float32 and in float64: its memory is the caller's. */
#include <string.h>

#include "net/device.h"

static int cpu_alloc(void **pointer, size_t bytes) {
  return esp_alloc(pointer, bytes, 1, __FILE__, __LINE__, __func__);
}

static void cpu_free(void **pointer) {
  esp_free(pointer);
}

static int cpu_put(void *device, const void *host, size_t bytes) {
  if (device != host && bytes) memcpy(device, host, bytes);
  return ESP_OK;
}

static int cpu_get(void *host, const void *device, size_t bytes) {
  return cpu_put(host, device, bytes);
}

const esp_device esp_device_cpu32 = {.name = "cpu32",
                                     .precision = "float32",
                                     .alloc = cpu_alloc,
                                     .free = cpu_free,
                                     .put = cpu_put,
                                     .get = cpu_get,
                                     .ops = &esp_ops_cpu32,
                                     .gate = &esp_gate_cpu32};

const esp_device esp_device_cpu64 = {.name = "cpu64",
                                     .precision = "float64",
                                     .alloc = cpu_alloc,
                                     .free = cpu_free,
                                     .put = cpu_put,
                                     .get = cpu_get,
                                     .ops = &esp_ops_cpu64,
                                     .gate = &esp_gate_cpu64};
