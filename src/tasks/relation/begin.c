#include "tasks/relation/begin.h"

#include "net/stack.h"
#include "tasks/relation/show.h"

int esp_relation_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  (void)param, (void)backend;
  ((esp_stack_param *)model->param)->hidden_halves = esp_relation_halves_of(first);
  return ESP_OK;
}
