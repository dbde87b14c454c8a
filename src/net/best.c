#include "net/best.h"

#include <math.h>
#include <string.h>

int esp_best_create(int count, esp_best *best) {
  ESP_MEMORY_FOR(ESP_MEMORY_OPTIMISER);
  *best = (esp_best){0};
  return ESP_ALLOC(best->other, count);
}

void esp_best_free(esp_best *best) {
  ESP_FREE(best->other);
  *best = (esp_best){0};
}

int esp_best_offer(esp_best *best, int64_t step, const double value[2], int count, const double *parameters) {
  const double *than = best->value;
  if (isnan(value[0])) return 0;
  if (best->step > 0 && !(value[0] > than[0] || (value[0] == than[0] && value[1] > than[1]))) return 0;
  best->step = step;
  memcpy(best->value, value, sizeof best->value);
  memcpy(best->other, parameters, (size_t)count * sizeof *parameters);
  return 1;
}

static void exchange(esp_best *best, int count, double *parameters) {
  for (int i = 0; i < count; i++) {
    const double kept = best->other[i];
    best->other[i] = parameters[i];
    parameters[i] = kept;
  }
  best->chosen = !best->chosen;
}

void esp_best_choose(esp_best *best, int count, double *parameters) {
  if (best->step > 0 && !best->chosen) exchange(best, count, parameters);
}

void esp_best_leave(esp_best *best, int count, double *parameters) {
  if (best->chosen) exchange(best, count, parameters);
}
