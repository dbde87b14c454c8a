#include "domain/device.h"

#include "domain/comm.h"

int esp_device_take(const esp_comm *comm, const esp_config *config, const char *precision, const esp_device **device,
                    const char **how) {
  const char *word = esp_config_string(config, "net_device");
  int number, ranks;
  *how = NULL;
  if (!precision) precision = esp_config_string(config, "net_precision");
  *device = esp_device_of(word, precision);
  ESP_CHECK(*device, ESP_ERR_CONFIG, "net_device %s does not know net_precision %s", word, precision);
  if (!(*device)->open) return ESP_OK;
  ESP_CALL(esp_comm_machine(comm, &number, &ranks));
  ESP_AGREE(comm, (*device)->open(number, ranks));
  if (!(*device)->join || comm->size == 1) return ESP_OK;
  ESP_CALL((*device)->join(comm, how));
  return ESP_OK;
}
