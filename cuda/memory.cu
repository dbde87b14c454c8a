#include "cuda/memory.h"

#include "cuda/check.h"
#include "cuda/settled.h"

int esp_cuda_keep(int sharers) {
  int device;
  size_t free, total;
  cudaMemPool_t pool;
  ESP_CUDA(cudaGetDevice(&device));
  ESP_CUDA(cudaMemGetInfo(&free, &total));
  ESP_CUDA(cudaDeviceGetDefaultMemPool(&pool, device));
  uint64_t most = total / (size_t)sharers;
  ESP_CUDA(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &most));
  return ESP_OK;
}

int esp_cuda_reserve(void **pointer, size_t bytes) {
  *pointer = nullptr;
  if (!bytes) return ESP_OK;
  const cudaError_t error = cudaMallocAsync(pointer, bytes, 0);
  if (error == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaGetLastError();
    cudaMemGetInfo(&free, &total);
    ESP_CHECK(0, ESP_ERR_MEMORY, "%zu bytes of the device's memory were asked for; %zu of %zu are free", bytes, free,
              total);
  }
  ESP_CUDA(error);
  return ESP_OK;
}

int esp_cuda_alloc(void **pointer, size_t bytes) {
  ESP_CALL(esp_cuda_reserve(pointer, bytes));
  if (bytes) ESP_CUDA(cudaMemsetAsync(*pointer, 0, bytes, 0));
  return ESP_OK;
}

void esp_cuda_free(void **pointer) {
  if (*pointer) cudaFreeAsync(*pointer, 0); /* a failure shows in the next call */
  *pointer = nullptr;
}

int esp_cuda_put(void *there, const void *host, size_t bytes) {
  ESP_CALL(esp_cuda_remembered());
  if (bytes) ESP_CUDA(cudaMemcpy(there, host, bytes, cudaMemcpyHostToDevice));
  esp_cuda_cross((int64_t)bytes, 0);
  return ESP_OK;
}

int esp_cuda_get(void *host, const void *there, size_t bytes) {
  ESP_CALL(esp_cuda_remembered());
  if (bytes) ESP_CUDA(cudaMemcpy(host, there, bytes, cudaMemcpyDeviceToHost));
  esp_cuda_cross(0, (int64_t)bytes);
  return ESP_OK;
}
