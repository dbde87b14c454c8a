#include "cuda/settled.h"

#include <stdio.h>

#include "cuda/device.h"

static struct {
  int code; /* ESP_OK: nothing is kept */
  char message[2048];
} kept;

void esp_cuda_remember(int code) {
  if (!code || kept.code) return;
  kept.code = code;
  snprintf(kept.message, sizeof kept.message, "%s", esp_error_message());
}

int esp_cuda_remembered(void) {
  const int code = kept.code;
  if (!code) return ESP_OK;
  kept.code = ESP_OK;
  esp_error_set(code, kept.message);
  return code;
}

int esp_cuda_settled(void) {
  ESP_CALL(esp_cuda_remembered());
  return esp_device_wait();
}
