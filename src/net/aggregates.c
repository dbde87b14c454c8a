#include <stddef.h>

#include "net/aggregate.h"

const esp_aggregate *const esp_aggregates[] = {&esp_aggregate_sum, &esp_aggregate_average, &esp_aggregate_softmax,
                                               NULL};

const char *esp_aggregate_name(int k) {
  return esp_aggregates[k] ? esp_aggregates[k]->name : NULL;
}
