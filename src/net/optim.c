#include "net/optim.h"

#include <math.h>

int esp_adam_create(int count, esp_adam *adam) {
  ESP_MEMORY_FOR(ESP_MEMORY_OPTIMISER);
  int rc = ESP_OK;
  *adam = (esp_adam){.count = count};
  ESP_TRY(ESP_ALLOC(adam->m, count));
  ESP_TRY(ESP_ALLOC(adam->v, count));
done:
  if (rc) esp_adam_free(adam);
  return rc;
}

void esp_adam_free(esp_adam *adam) {
  ESP_FREE(adam->m);
  ESP_FREE(adam->v);
  esp_best_free(&adam->best);
  *adam = (esp_adam){0};
}

void esp_adam_step(esp_adam *adam, double rate, double beta2, const double *gradient, double *value) {
  const double beta1 = 0.9, epsilon = 1e-12;
  adam->step++;
  double correct1 = 1 - pow(beta1, (double)adam->step), correct2 = 1 - pow(beta2, (double)adam->step);
  for (int i = 0; i < adam->count; i++) {
    double g = gradient[i];
    adam->m[i] = beta1 * adam->m[i] + (1 - beta1) * g;
    adam->v[i] = beta2 * adam->v[i] + (1 - beta2) * g * g;
    value[i] -= rate * (adam->m[i] / correct1) / (sqrt(adam->v[i] / correct2) + epsilon);
  }
}

double esp_rate(esp_schedule schedule, double rate, int64_t step, int64_t warmup, int64_t steps) {
  if (steps <= 0) return rate;
  if (step < warmup) return rate * (double)(step + 1) / (double)warmup;
  if (schedule == ESP_SCHEDULE_HOLD) {
    if (step >= steps) return 0.1 * rate;
    double late = 2 * (double)step / (double)steps - 1;
    return late > 0 ? rate * (1 - 0.9 * late) : rate;
  }
  if (step >= steps) return 0;
  return rate * 0.5 * (1 + cos(3.14159265358979323846 * (double)(step - warmup) / (double)(steps - warmup)));
}

double esp_clip_norm(double limit, int count, double *gradient) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += gradient[i] * gradient[i];
  double norm = sqrt(sum);
  if (limit > 0 && norm > limit) {
    for (int i = 0; i < count; i++) gradient[i] *= limit / norm;
  }
  return norm;
}
