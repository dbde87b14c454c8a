/* Start values of the gate: keys that are learned from all nodes' features, before any label is. */
#include "tasks/nodes/start.h"

#include "net/convolution.h"

int esp_nodes_start(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  (void)param;
  const esp_convolution_param *net = model->param;
  const esp_convolution_places at = esp_convolution_places_of(model);
  const esp_gate_shape shape = esp_convolution_gate(net);
  double *value = model->block.value;
  if (at.E < 0) return ESP_OK; /* there is no gate */
  ESP_CALL(esp_gate_learn(&net->learning, &shape, backend, first, value + at.E, value + at.scale, NULL));
  return ESP_OK;
}
