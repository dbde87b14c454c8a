#include "cuda/queue.h"

#include "cuda/check.h"

int esp_queue_create(void **stream, void **event) {
  cudaStream_t s;
  cudaEvent_t e;
  int least, most;
  *stream = *event = nullptr;
  ESP_CUDA(cudaDeviceGetStreamPriorityRange(&least, &most));
  ESP_CUDA(cudaStreamCreateWithPriority(&s, cudaStreamNonBlocking, most));
  *stream = s;
  ESP_CUDA(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
  *event = e;
  return ESP_OK;
}

void esp_queue_free(void **stream, void **event) {
  if (*stream) cudaStreamDestroy((cudaStream_t)*stream); /* a failure shows in the next call */
  if (*event) cudaEventDestroy((cudaEvent_t)*event);
  *stream = *event = nullptr;
}

int esp_queue_order(void *first, void *later, void *event) {
  ESP_CUDA(cudaEventRecord((cudaEvent_t)event, (cudaStream_t)first));
  ESP_CUDA(cudaStreamWaitEvent((cudaStream_t)later, (cudaEvent_t)event, 0));
  return ESP_OK;
}

int esp_queue_wait(void *stream) {
  ESP_CUDA(cudaStreamSynchronize((cudaStream_t)stream));
  return ESP_OK;
}

int esp_pinned_alloc(void **pointer, size_t bytes) {
  *pointer = nullptr;
  if (bytes) ESP_CUDA(cudaMallocHost(pointer, bytes));
  return ESP_OK;
}

void esp_pinned_free(void **pointer) {
  if (*pointer) cudaFreeHost(*pointer);
  *pointer = nullptr;
}

int esp_queue_get(void *pinned, const void *there, size_t bytes, void *stream) {
  if (bytes) ESP_CUDA(cudaMemcpyAsync(pinned, there, bytes, cudaMemcpyDeviceToHost, (cudaStream_t)stream));
  return ESP_OK;
}

int esp_queue_put(void *there, const void *pinned, size_t bytes, void *stream) {
  if (bytes) ESP_CUDA(cudaMemcpyAsync(there, pinned, bytes, cudaMemcpyHostToDevice, (cudaStream_t)stream));
  return ESP_OK;
}
