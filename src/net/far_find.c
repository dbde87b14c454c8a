#include "net/far_find.h"

#include <math.h>

int esp_far_found_create(int order, esp_far_found *found) {
  *found = (esp_far_found){.theta = INFINITY};
  return esp_gate_bound_create(order, &found->table);
}

void esp_far_found_free(esp_far_found *found) {
  esp_gate_bound_free(&found->table);
}

static int far_of(const esp_far_found *found, const esp_comm *comm, esp_layer *layer, esp_far *far) {
  *far = (esp_far){comm, layer, &found->table};
  return esp_device_agree(layer->device, comm, esp_layer_fetch(layer));
}

int esp_far_found_choose(esp_far_found *found, const esp_comm *comm, esp_layer *layer) {
  esp_far far;
  double theta, bound;
  ESP_CALL(far_of(found, comm, layer, &far));
  ESP_CALL(esp_far_choose(&far, found->error, found->begin, &theta, &bound));
  found->theta = fmin(found->theta, theta);
  found->bound = fmax(found->bound, bound);
  return ESP_OK;
}

int esp_far_found_judge(esp_far_found *found, const esp_comm *comm, esp_layer *layer) {
  esp_far_record *all = &found->record, one;
  esp_far far;
  ESP_CALL(far_of(found, comm, layer, &far));
  ESP_CALL(esp_far_judge(&far, &one));
  found->layers++;
  all->receivers += one.receivers;
  all->bound += one.bound * one.bound;
  all->rms += one.rms * one.rms;
  all->p99 = fmax(all->p99, one.p99);
  all->of_sums += one.of_sums * one.of_sums;
  all->rounding += one.rounding * one.rounding;
  return ESP_OK;
}

esp_far_record esp_far_found_record(const esp_far_found *found) {
  esp_far_record record = found->record;
  const int layers = esp_imax(found->layers, 1);
  record.bound = sqrt(record.bound / layers);
  record.rms = sqrt(record.rms / layers);
  record.of_sums = sqrt(record.of_sums / layers);
  record.rounding = sqrt(record.rounding / layers);
  return record;
}
