#include "net/device.h"

#include <string.h>

const esp_device *const esp_devices[] = {&esp_device_cpu32, &esp_device_cpu64, NULL};

const esp_device *esp_device_find(const char *name) {
  const size_t length = strlen(name);
  for (int d = 0; esp_devices[d]; d++)
    if (!strcmp(esp_devices[d]->name, name)) return esp_devices[d];
  for (int d = 0; esp_devices[d] && length >= 2; d++) {
    const char *word = esp_devices[d]->precision;
    if (!strcmp(word + strlen(word) - 2, name + length - 2)) return esp_devices[d];
  }
  return esp_devices[0];
}

const esp_device *esp_device_of(const char *precision) {
  for (int d = 0; esp_devices[d]; d++)
    if (!strcmp(esp_devices[d]->precision, precision)) return esp_devices[d];
  return NULL;
}

esp_backend esp_backend_self(void) {
  return (esp_backend){.comm = esp_comm_self(), .build = esp_domain_build_self, .device = esp_devices[0]};
}
