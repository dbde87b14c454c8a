#include <stdio.h>

#include "net/loss.h"

const esp_loss *const esp_losses[] = {&esp_loss_nmse, &esp_loss_nmse_columns, NULL};

void esp_loss_part_name(const esp_loss *loss, const char *column, char *name, size_t size) {
  const int one = loss->parts == 1;
  snprintf(name, size, "%s%s", one ? loss->name : loss->part, one ? "" : column);
}
