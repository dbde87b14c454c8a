#include "io/snapshot_cloud.h"

#include "io/input_options.h"

int esp_snapshot_input(const esp_comm *comm, const esp_config *config, esp_cloud *cloud, esp_snapshot_header *header) {
  esp_input_param param;
  ESP_CALL(esp_options_fill(&esp_input_options, config, &param));
  ESP_CHECK(param.file[0], ESP_ERR_CONFIG, "no snapshot given: set -input FILE");
  esp_snapshot_options options = {.units = param.units};
  ESP_CALL(esp_error_blame(esp_snapshot_types(param.types, &options.types), "io_types"));
  ESP_CALL(esp_snapshot_read(comm, param.file, &options, cloud, header));
  return ESP_OK;
}

int esp_snapshot_cloud(const esp_comm *comm, const esp_config *config, esp_cloud *cloud, esp_snapshot_header *header,
                       esp_start_info *info) {
  const char *input = esp_config_string(config, "input");
  esp_start_info own;
  ESP_CALL(esp_snapshot_input(comm, config, cloud, header));
  int rc = ESP_OK;
  ESP_NEED(cloud->n >= 2, ESP_ERR_VALUE, "%s: %lld particles; at least 2 are needed", input, (long long)cloud->n);
  ESP_NEED(!(cloud->box[0] > 0 || cloud->box[1] > 0 || cloud->box[2] > 0), ESP_ERR_CONFIG,
           "%s: a periodic box of side %g; only open snapshots have a horizon of their own", input, cloud->box[0]);
  ESP_TRY(esp_error_blame(esp_nbody_units(comm, ESP_START_DIRECT_LIMIT, cloud, NULL, info ? info : &own), input));
  cloud->eps = esp_config_real(config, "data_eps") * cloud->d;
  rc = ESP_ALLOC(cloud->D, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(cloud->K, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
done:
  if (rc) esp_cloud_free(cloud);
  return rc;
}
