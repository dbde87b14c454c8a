/* Start values of the gate: keys that are learned from all nodes' features, before any label is. */
#include "tasks/nodes/start.h"

#include "net/convolution.h"

int esp_nodes_start(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  const esp_nodes_data *data = param;
  const esp_convolution_param *net = model->param;
  const esp_convolution_places at = esp_convolution_places_of(model);
  const esp_gate_shape shape = {
      .dim = net->dim, .far = net->far, .order = net->order, .seed = net->seed, .domain = net->domain};
  if (at.E < 0) return ESP_OK; /* there is no gate */
  double *value = model->block.value;
  ESP_CALL(esp_gate_learn(&data->gate, &shape, backend, first, value + at.E, value + at.scale, NULL));
  return ESP_OK;
}
