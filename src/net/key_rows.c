#include "net/key_rows.h"

#include "base/config.h"

int esp_tree_error_settle(const esp_config *config, const esp_lists_param *had, const esp_message *message, int far,
                          double *error, esp_lists_param *lists) {
  if (had && !config && *error > 0) lists->theta = had->theta;
  if (had && config) {
    const int wanted = esp_config_is_set(config, "tree_error");
    if (!wanted) *error = 0;
    if (wanted && !esp_config_is_set(config, "tree_pairs_per_particle")) lists->pairs_per_particle = 0;
  }
  if (!config || !(*error > 0)) return ESP_OK;
  ESP_CHECK(
      lists->pairs_per_particle == 0, ESP_ERR_CONFIG,
      "tree_error %g and tree_pairs_per_particle %lld: each chooses the tree's resolution; drop one of them (0: not "
      "set)",
      *error, (long long)lists->pairs_per_particle);
  ESP_CHECK(esp_message_has(message, ESP_MESSAGE_MOMENTS), ESP_ERR_CONFIG,
            "tree_error %g with net_message %s: the error of its far cells has no bound; drop tree_error, or set "
            "tree_theta",
            *error, message->name);
  ESP_CHECK(far && lists->theta > 0, ESP_ERR_CONFIG,
            "tree_error %g with tree_far %s and tree_theta %g: there are no far cells to choose; drop tree_error",
            *error, far ? "true" : "false", lists->theta);
  return ESP_OK;
}
