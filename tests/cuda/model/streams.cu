#include "tests/cuda/model/streams.h"

#include "cuda/launch.h"

namespace {

constexpr int n = STREAMS_N;
constexpr size_t bytes = n * sizeof(float);
__constant__ float factor[2];

__global__ void twice(const float *a, float *b) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) b[i] = factor[1] * a[i];
}

struct memory {
  float *a, *b, *host_a, *host_b;
  cudaStream_t first, second;
  cudaEvent_t done;
};

int create(memory *m) {
  const float factors[] = {0, 2};
  ESP_CUDA(cudaMemcpyToSymbol(factor, factors, sizeof factors));
  ESP_CUDA(cudaMalloc(&m->a, bytes));
  ESP_CUDA(cudaMalloc(&m->b, bytes));
  ESP_CUDA(cudaMallocHost(&m->host_a, bytes));
  ESP_CUDA(cudaMallocHost(&m->host_b, bytes));
  ESP_CUDA(cudaStreamCreateWithFlags(&m->first, cudaStreamNonBlocking));
  ESP_CUDA(cudaStreamCreateWithFlags(&m->second, cudaStreamNonBlocking));
  ESP_CUDA(cudaEventCreateWithFlags(&m->done, cudaEventDisableTiming));
  return ESP_OK;
}

int use(const memory &m, int without, const float *a, float *b) {
  if (!(without & EARLY_COPY)) memcpy(m.host_a, a, bytes);
  ESP_CUDA(cudaMemcpyAsync(m.a, m.host_a, bytes, cudaMemcpyHostToDevice, m.first));
  if (without & EARLY_COPY) memcpy(m.host_a, a, bytes);
  ESP_LAUNCH(twice, 2, 64, 0, m.first, m.a, m.b);
  ESP_CUDA(cudaEventRecord(m.done, m.first));
  if (!(without & WITHOUT_EVENT)) ESP_CUDA(cudaStreamWaitEvent(m.second, m.done, 0));
  ESP_CUDA(cudaMemcpyAsync(m.host_b, m.b, bytes, cudaMemcpyDeviceToHost, m.second));
  if (!(without & WITHOUT_WAIT)) ESP_CUDA(cudaStreamSynchronize(m.second));
  memcpy(b, m.host_b, bytes);
  return ESP_OK;
}

/* ---- calls that are refused ---- */

int on_memory(int (*call)(float *device, float *host)) {
  float *device, host[n] = {};
  ESP_CUDA(cudaMalloc(&device, bytes));
  const int rc = call(device, host);
  cudaFree(device);
  return rc;
}

int copy_beyond() {
  return on_memory([](float *device, float *host) -> int {
    ESP_CUDA(cudaMemcpy(device + 1, host, bytes, cudaMemcpyHostToDevice));
    return ESP_OK;
  });
}
int copy_backwards() {
  return on_memory([](float *device, float *host) -> int {
    ESP_CUDA(cudaMemcpy(host, device, bytes, cudaMemcpyHostToDevice));
    return ESP_OK;
  });
}
int set_beyond() {
  return on_memory([](float *device, float *) -> int {
    ESP_CUDA(cudaMemset(device, 0, bytes + 1));
    return ESP_OK;
  });
}
int host_argument() {
  return on_memory([](float *device, float *host) -> int {
    ESP_LAUNCH(twice, 1, 32, 0, nullptr, host, device);
    return ESP_OK;
  });
}
int large_block() {
  return on_memory([](float *device, float *) -> int {
    ESP_LAUNCH(twice, 1, dim3(32, 33), 0, nullptr, device, device);
    return ESP_OK;
  });
}
int much_shared() {
  return on_memory([](float *device, float *) -> int {
    ESP_LAUNCH(twice, 1, 32, 50 << 10, nullptr, device, device);
    return ESP_OK;
  });
}
int free_twice() {
  float *device;
  ESP_CUDA(cudaMalloc(&device, bytes));
  ESP_CUDA(cudaFree(device));
  ESP_CUDA(cudaFree(device));
  return ESP_OK;
}
int too_much() {
  float *device;
  ESP_CUDA(cudaMalloc(&device, (size_t)1 << 40));
  return ESP_OK;
}

}  // namespace

const host_fault host_faults[] = {
    {"copy beyond", "copy of 400 bytes: the target is not, or not wholly, device memory", copy_beyond},
    {"copy backwards", "copy of 400 bytes: the source is device memory, against its direction", copy_backwards},
    {"set beyond", "setting 401 bytes: not, or not wholly, device memory", set_beyond},
    {"host argument", "kernel twice: argument 1, ", host_argument},
    {"large block", "a block of 32 x 33 x 1 threads: 1 to 1024 are allowed", large_block},
    {"much shared memory", "51200 bytes of dynamic shared memory, 49152 are allowed", much_shared},
    {"free twice", "was not allocated, or is freed", free_twice},
    {"too much", "cudaErrorMemoryAllocation: 1099511627776 bytes asked for", too_much},
    {nullptr, nullptr, nullptr}};

int streams_double(int without, const float *a, float *b) {
  memory m = {};
  int rc = create(&m);
  if (rc == ESP_OK) rc = use(m, without, a, b);
  if (m.done) cudaEventDestroy(m.done);
  if (m.second) cudaStreamDestroy(m.second);
  if (m.first) cudaStreamDestroy(m.first);
  cudaFreeHost(m.host_b);
  cudaFreeHost(m.host_a);
  cudaFree(m.b);
  cudaFree(m.a);
  return rc;
}

void host_reads_device() {
  float *device;
  if (cudaMalloc(&device, sizeof *device) == cudaSuccess) *(volatile float *)device = 1;
}

int host_calls() {
  float *device, ms = -1;
  cudaEvent_t from, to;
  cudaPointerAttributes attributes;
  size_t before, after, total;
  int blocks = 0;
  struct {
    int line;
    bool good;
  } calls[] = {
      {__LINE__, cudaMemGetInfo(&before, &total) == cudaSuccess && before <= total},
      {__LINE__, cudaMalloc(&device, bytes) == cudaSuccess},
      {__LINE__, cudaMemGetInfo(&after, &total) == cudaSuccess && after == before - bytes},
      {__LINE__, cudaPointerGetAttributes(&attributes, device) == cudaSuccess},
      {__LINE__, attributes.type == cudaMemoryTypeDevice},
      {__LINE__, cudaPointerGetAttributes(&attributes, &ms) == cudaSuccess},
      {__LINE__, attributes.type == cudaMemoryTypeUnregistered},
      {__LINE__, cudaEventCreate(&from) == cudaSuccess && cudaEventCreate(&to) == cudaSuccess},
      {__LINE__, cudaEventRecord(from) == cudaSuccess && cudaMemset(device, 0, bytes) == cudaSuccess},
      {__LINE__, cudaEventRecord(to) == cudaSuccess && cudaEventSynchronize(to) == cudaSuccess},
      {__LINE__, cudaEventElapsedTime(&ms, from, to) == cudaSuccess && ms >= 0},
      {__LINE__, cudaEventDestroy(from) == cudaSuccess && cudaEventDestroy(to) == cudaSuccess},
      {__LINE__, cudaFuncSetAttribute(twice, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 << 10) == cudaSuccess},
      {__LINE__,
       esp_launch(__FILE__, __LINE__, __func__, "twice", twice, 1, 32, 100 << 10, nullptr, device, device) == 0},
      {__LINE__, esp_launch(__FILE__, __LINE__, __func__, "twice", twice, 0, 32, 0, nullptr, device, device) == 0},
      {__LINE__, cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, twice, 32, 0) == cudaSuccess && blocks > 0},
      {__LINE__, cudaFree(device) == cudaSuccess && cudaFree(nullptr) == cudaSuccess},
      {__LINE__, cudaDeviceReset() == cudaSuccess},
  };
  for (auto &call : calls)
    if (!call.good) return call.line;
  return 0;
}
