#include <stdio.h>

#include "net/loss.h"

const esp_loss *const esp_losses[] = {&esp_loss_nmse, &esp_loss_nmse_columns, &esp_loss_cross_entropy, NULL};

void esp_loss_part_name(const esp_loss *loss, const char *column, char *name, size_t size) {
  const int one = loss->parts == 1;
  snprintf(name, size, "%s%s", one ? loss->name : loss->part, one ? "" : column);
}

int esp_loss_sums(const esp_backend *with, size_t count, int64_t *acc, double *sum) {
  const esp_device *device = with->device;
  double *value = NULL;
  int rc = ESP_THERE(device, value, count);
  ESP_TRY(with->comm->agree(with->comm, rc));
  ESP_TRY(esp_device_sum(device, with->comm, acc, count));
  device->rows->exact_value(&ESP_EXACT_FULL, acc, count, value);
  rc = esp_device_agree(device, with->comm, device->get(sum, value, count * sizeof *sum));
done:
  ESP_THERE_FREE(device, value);
  return rc;
}
