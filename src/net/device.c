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

esp_backend esp_backend_host(const esp_comm *comm) {
  return (esp_backend){.comm = comm, .device = esp_devices[0]};
}

int esp_device_put(const esp_device *device, size_t count, const double *host, double *there) {
  return count && there != host ? device->put(there, host, count * sizeof *there) : ESP_OK;
}

int esp_device_get(const esp_device *device, size_t count, const double *there, double *host) {
  return count && there != host ? device->get(host, there, count * sizeof *host) : ESP_OK;
}

int esp_device_bring(const esp_device *device, size_t count, const double *host, double **copy, const double **there) {
  *there = host;
  if (device->shared || !host) return ESP_OK;
  ESP_CALL(ESP_THERE(device, *copy, count));
  *there = *copy;
  return esp_device_put(device, count, host, *copy);
}

int esp_device_settled(const esp_device *device, int code) {
  const int own = device->settled ? device->settled() : ESP_OK;
  return code ? code : own;
}

int esp_device_sum(const esp_device *device, const esp_comm *comm, int64_t *acc, size_t count) {
  const size_t words = count * ESP_EXACT_FULL_WORDS;
  /* carried digits have 31 bits of headroom left, so that the plain integer sum over ranks cannot overflow */
  device->rows->exact_carry(&ESP_EXACT_FULL, acc, count);
  if (!device->sum_i64) return comm->sum_i64(comm, acc, words);
  return esp_device_agree(device, comm, device->sum_i64(comm, acc, words));
}

int esp_device_add(const esp_device *device, size_t count, const int64_t *host, int64_t *there) {
  int64_t *words = NULL;
  int rc;
  if (!count || there == host) return ESP_OK;
  ESP_TRY(ESP_ALLOC(words, count));
  ESP_TRY(device->get(words, there, count * sizeof *words));
  for (size_t k = 0; k < count; k++) words[k] += host[k];
  rc = device->put(there, words, count * sizeof *words);
done:
  ESP_FREE(words);
  return rc;
}

int esp_device_agree(const esp_device *device, const esp_comm *comm, int code) {
  return device->shared ? code : comm->agree(comm, esp_device_settled(device, code));
}
