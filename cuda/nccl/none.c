/* The row nccl in a program without NCCL: there is none. */
#include "cuda/link.h"

int esp_link_nccl(const esp_comm *comm, esp_link **link) {
  (void)comm;
  *link = NULL;
  return ESP_OK;
}
