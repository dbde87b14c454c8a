#include "cuda/memory.h"

static esp_cuda_bytes crossed;

esp_cuda_bytes esp_cuda_crossed(void) {
  return crossed;
}

void esp_cuda_cross(int64_t put, int64_t got) {
  crossed.put += put;
  crossed.got += got;
}
