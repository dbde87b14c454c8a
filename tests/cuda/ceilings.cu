#include "tests/cuda/ceilings.h"

#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/memory.h"

namespace {

enum { THREADS = 256, CHAINS = 8, BEST_OF = 3 };

__global__ void copy(int64_t count, const float4 *from, float4 *to) {
  const int64_t stride = (int64_t)gridDim.x * blockDim.x;
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) to[i] = from[i];
}

/* Chains of their own, so that one does not wait for the other. Written where a compiler cannot know the result. */
template <int WHAT>
__global__ void arithmetic(int rounds, float seed, float *to) {
  float x[CHAINS], sum = 0;
  for (int c = 0; c < CHAINS; c++) x[c] = seed + (float)(threadIdx.x + c);
  for (int r = 0; r < rounds; r++)
    for (int c = 0; c < CHAINS; c++)
      x[c] = WHAT == 0 ? fmaf(x[c], seed, seed) : WHAT == 1 ? rsqrtf(x[c]) : 1 / sqrtf(x[c]);
  for (int c = 0; c < CHAINS; c++) sum += x[c];
  if (sum == seed) to[0] = sum;
}

template <class Launch>
int rate(double work, double *best, Launch launch) {
  *best = 0;
  for (int k = 0; k < BEST_OF; k++) {
    ESP_CALL(esp_device_wait());
    const double begin = esp_wall();
    ESP_CALL(launch());
    ESP_CALL(esp_device_wait());
    const double now = work / (esp_wall() - begin);
    if (now > *best) *best = now;
  }
  return ESP_OK;
}

int measure(size_t bytes, int rounds, float *from, float *to, ceilings *c) {
  esp_device_info info;
  ESP_CALL(esp_device_query(0, &info));
  const int blocks = 8 * info.multiprocessors;
  const double all = (double)blocks * THREADS * CHAINS * rounds;
  ESP_CALL(rate(2.0 * (double)bytes, &c->copy, [&]() -> int {
    ESP_LAUNCH(copy, blocks, THREADS, 0, 0, (int64_t)(bytes / sizeof(float4)), (const float4 *)from, (float4 *)to);
    return ESP_OK;
  }));
  ESP_CALL(rate(all, &c->fma, [&]() -> int {
    ESP_LAUNCH(arithmetic<0>, blocks, THREADS, 0, 0, rounds, 0.5f, to);
    return ESP_OK;
  }));
  ESP_CALL(rate(all, &c->root, [&]() -> int {
    ESP_LAUNCH(arithmetic<1>, blocks, THREADS, 0, 0, rounds, 0.5f, to);
    return ESP_OK;
  }));
  return rate(all, &c->divided, [&]() -> int {
    ESP_LAUNCH(arithmetic<2>, blocks, THREADS, 0, 0, rounds, 0.5f, to);
    return ESP_OK;
  });
}

}  // namespace

int ceilings_measure(size_t bytes, int rounds, ceilings *c) {
  void *from = nullptr, *to = nullptr;
  int rc = esp_cuda_alloc(&from, bytes);
  if (!rc) rc = esp_cuda_alloc(&to, bytes);
  if (!rc) rc = measure(bytes, rounds, (float *)from, (float *)to, c);
  esp_cuda_free(&from);
  esp_cuda_free(&to);
  return rc;
}
