/* An array of numbers of 8 bytes that host and device both see: one array where the device's memory is the host's. For tests
 * and benchmarks of kernels. Errors: memory, and those of the device. */
#ifndef ESP_TEST_MIRROR_H
#define ESP_TEST_MIRROR_H

#include "net/device.h"

typedef struct {
  void *host, *there;
  size_t count;
} esp_mirror;

static inline int esp_mirror_create(const esp_device *device, size_t count, esp_mirror *m) {
  double *host = NULL;
  *m = (esp_mirror){.count = count};
  ESP_CALL(ESP_ALLOC(host, count));
  m->host = m->there = host;
  if (device->shared) return ESP_OK;
  m->there = NULL;
  return device->alloc(&m->there, count * sizeof *host);
}

static inline void esp_mirror_free(const esp_device *device, esp_mirror *m) {
  if (m->there && m->there != m->host) device->free(&m->there);
  ESP_FREE(m->host);
  *m = (esp_mirror){0};
}

/* All of it. */
static inline int esp_mirror_put(const esp_device *device, const esp_mirror *m) {
  return esp_device_put(device, m->count, m->host, m->there);
}

static inline int esp_mirror_get(const esp_device *device, const esp_mirror *m) {
  return esp_device_get(device, m->count, m->there, m->host);
}

#endif
