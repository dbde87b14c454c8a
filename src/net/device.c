#include "net/device.h"

#include <string.h>

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

const esp_device *esp_device_of(const char *processor, const char *precision) {
  for (int d = 0; esp_devices[d]; d++)
    if (!strcmp(esp_devices[d]->processor, processor) && !strcmp(esp_devices[d]->precision, precision))
      return esp_devices[d];
  return NULL;
}

esp_backend esp_backend_self(void) {
  return (esp_backend){.comm = esp_comm_self(), .build = esp_domain_build_self, .device = esp_devices[0]};
}

int esp_mirror_create(const esp_device *device, size_t count, esp_mirror *m) {
  *m = (esp_mirror){.count = count};
  double *host = NULL;
  ESP_CALL(ESP_ALLOC(host, count));
  m->host = m->there = host;
  if (device->shared) return ESP_OK;
  m->there = NULL;
  ESP_CALL(device->alloc(&m->there, count * sizeof *host));
  return ESP_OK;
}

void esp_mirror_free(const esp_device *device, esp_mirror *m) {
  if (m->there && m->there != m->host) device->free(&m->there);
  ESP_FREE(m->host);
  *m = (esp_mirror){0};
}

int esp_mirror_put(const esp_device *device, const esp_mirror *m, size_t first, size_t count) {
  if (m->there == m->host || !count) return ESP_OK;
  const size_t at = first * sizeof(double);
  return device->put((char *)m->there + at, (const char *)m->host + at, count * sizeof(double));
}

int esp_mirror_get(const esp_device *device, const esp_mirror *m, size_t first, size_t count) {
  if (m->there == m->host || !count) return ESP_OK;
  const size_t at = first * sizeof(double);
  return device->get((char *)m->host + at, (const char *)m->there + at, count * sizeof(double));
}

int esp_device_agree(const esp_device *device, const esp_comm *comm, int code) {
  return device->shared ? code : comm->agree(comm, code);
}
