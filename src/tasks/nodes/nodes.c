/* The row of the table of tasks. */
#include "tasks/nodes/nodes.h"

#include <math.h>

#include "net/convolution.h"
#include "tasks/nodes/show.h"
#include "tasks/nodes/start.h"

/* Predictions are probabilities: the softmax of what the network says. */
static int output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  (void)param;
  const int K = set->width[ESP_NODES_CLASS];
  *elapsed = 0;
  ESP_CHECK(targets == K, ESP_ERR_VALUE, "a prediction of %d classes for nodes of %d", targets, K);
  for (int i = 0; i < set->n_home; i++) {
    const double *from = y + (size_t)i * (size_t)K;
    double *to = set->value[ESP_NODES_CLASS] + (size_t)i * (size_t)K, most = from[0], sum = 0;
    for (int c = 1; c < K; c++) most = fmax(most, from[c]);
    for (int c = 0; c < K; c++) sum += to[c] = exp(from[c] - most);
    for (int c = 0; c < K; c++) to[c] /= sum;
  }
  return ESP_OK;
}

const esp_task esp_task_nodes = {
    .name = "nodes",
    .help = "classes of the nodes of a graph that is given, or found from their features",
    .options = &esp_nodes_options,
    .layout = &esp_nodes_layout,
    .network = &esp_network_convolution,
    .loss = &esp_loss_cross_entropy,
    .making = &esp_nodes_making,
    .start = esp_nodes_start,
    .output = output,
    .showing = &esp_nodes_showing,
};
