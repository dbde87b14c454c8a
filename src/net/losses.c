#include <stdio.h>
#include <string.h>

#include "net/loss.h"

const esp_loss *const esp_losses[] = {&esp_loss_nmse, &esp_loss_nmse_columns, NULL};

const esp_loss *esp_loss_find(const char *name) {
  for (int k = 0; esp_losses[k]; k++)
    if (!strcmp(esp_losses[k]->name, name)) return esp_losses[k];
  return NULL;
}

void esp_loss_part_name(const esp_loss *loss, const char *column, char *name, size_t size) {
  const int one = loss->parts == 1;
  snprintf(name, size, "%s%s", one ? loss->name : loss->part, one ? "" : column);
}
