#include "tree/grower.h"

static int geometry(esp_tree *tree, const double *z) {
  esp_tree_geometry(tree, z);
  return ESP_OK;
}

const esp_grower esp_grower_cpu = {
    .order = esp_tree_order, .geometry = geometry, .walk = esp_lists_walk, .count = esp_lists_count};
