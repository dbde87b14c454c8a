#include "net/gradient.h"

static int make_room(esp_gradient_parts *p, int count) {
  ESP_MEMORY_FOR(ESP_MEMORY_OPTIMISER);
  if (count <= p->room) return ESP_OK;
  ESP_THERE_FREE(p->device, p->to.acc);
  ESP_THERE_FREE(p->device, p->there);
  p->room = 0;
  ESP_CALL(ESP_THERE(p->device, p->to.acc, (size_t)count * ESP_EXACT_FULL_WORDS));
  ESP_CALL(ESP_THERE(p->device, p->there, count));
  p->room = count;
  return ESP_OK;
}

static int begin(esp_gradient *g, int first, int count) {
  esp_gradient_parts *p = (esp_gradient_parts *)g; /* its first member */
  ESP_AGREE(p->comm, make_room(p, count));
  g->first = first;
  p->count = count;
  p->device->rows->zero((size_t)count * ESP_EXACT_FULL_WORDS, (double *)g->acc);
  return ESP_OK;
}

static int end(esp_gradient *g) {
  esp_gradient_parts *p = (esp_gradient_parts *)g;
  const size_t count = (size_t)p->count;
  ESP_CALL(esp_device_sum(p->device, p->comm, g->acc, count));
  p->device->rows->exact_value(&ESP_EXACT_FULL, g->acc, count, p->there);
  return esp_device_agree(p->device, p->comm, p->device->get(p->value + g->first, p->there, count * sizeof *p->there));
}

esp_gradient_parts esp_gradient_parts_of(const esp_device *device, const esp_comm *comm, double *value) {
  return (esp_gradient_parts){.to = {.begin = begin, .end = end}, .device = device, .comm = comm, .value = value};
}

void esp_gradient_parts_free(esp_gradient_parts *p) {
  ESP_THERE_FREE(p->device, p->to.acc);
  ESP_THERE_FREE(p->device, p->there);
}
