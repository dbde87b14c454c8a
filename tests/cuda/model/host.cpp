/* Errors, the one device, and what a kernel may ask of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>

#include "model.h"

namespace {

struct host {
  cudaError_t last;
  cudaError_t told;   /* what the text is about */
  cudaError_t failed; /* what a kernel did: until cudaDeviceReset, the answer to everything */
  char text[512];
  std::map<const void *, size_t> dynamic; /* bytes of shared memory that a kernel may ask for, if more than usual */
};
host h;

const struct {
  cudaError_t error;
  const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidSymbol, "cudaErrorInvalidSymbol", "invalid device symbol"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver", "driver version is insufficient"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
};

constexpr size_t shared_usual = 48 << 10, shared_most = 163 << 10; /* that of compute capability 8.0 */

}  // namespace

cudaError_t esp_model_error(cudaError_t error, const char *format, ...) {
  if (h.failed) return h.failed;
  va_list list;
  va_start(list, format);
  vsnprintf(h.text, sizeof h.text, format, list);
  va_end(list);
  h.last = h.told = error;
  if (error == cudaErrorLaunchFailure || error == cudaErrorIllegalAddress) h.failed = error;
  return error;
}

cudaError_t esp_model_failed() {
  return h.failed;
}

const char *cudaGetErrorName(cudaError_t error) {
  for (auto &e : errors)
    if (e.error == error) return e.name;
  return "cudaErrorUnknown";
}

const char *cudaGetErrorString(cudaError_t error) {
  if (error != cudaSuccess && error == h.told) return h.text;
  for (auto &e : errors)
    if (e.error == error) return e.text;
  return "unknown error";
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = h.failed ? h.failed : h.last;
  h.last = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  return h.failed ? h.failed : h.last;
}

/* ---- the device ---- */

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : esp_model_error(cudaErrorInvalidDevice, "device %d: there is device 0", device);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
  if (device) return cudaSetDevice(device);
  *p = cudaDeviceProp();
  size_t free;
  snprintf(p->name, sizeof p->name, "CUDA's execution model on a CPU thread");
  const char *whose = getenv("ESPALIER_MODEL_DEVICE");
  const int pid = whose && strcmp(whose, "own") == 0 ? (int)getpid() : 0;
  memcpy(p->uuid.bytes, &pid, sizeof pid);
  cudaMemGetInfo(&free, &p->totalGlobalMem);
  p->sharedMemPerBlock = shared_usual;
  p->sharedMemPerBlockOptin = shared_most;
  p->sharedMemPerMultiprocessor = shared_most + 1024;
  p->totalConstMem = 64 << 10;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxThreadsPerMultiProcessor = 2048;
  p->maxGridSize[0] = 0x7fffffff;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = 8;
  p->multiProcessorCount = 2; /* few, so that loops over a grid go round */
  p->maxBlocksPerMultiProcessor = 32;
  p->l2CacheSize = 40 << 20;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  const cudaError_t error = cudaGetDeviceProperties(&p, device);
  if (error) return error;
  const struct {
    cudaDeviceAttr attribute;
    size_t value;
  } list[] = {{cudaDevAttrMaxThreadsPerBlock, 1024},
              {cudaDevAttrMaxSharedMemoryPerBlock, shared_usual},
              {cudaDevAttrWarpSize, 32},
              {cudaDevAttrClockRate, 0},
              {cudaDevAttrMultiProcessorCount, (size_t)p.multiProcessorCount},
              {cudaDevAttrMemoryClockRate, 0},
              {cudaDevAttrGlobalMemoryBusWidth, 0},
              {cudaDevAttrL2CacheSize, (size_t)p.l2CacheSize},
              {cudaDevAttrMaxThreadsPerMultiProcessor, 2048},
              {cudaDevAttrComputeCapabilityMajor, (size_t)p.major},
              {cudaDevAttrComputeCapabilityMinor, (size_t)p.minor},
              {cudaDevAttrMaxSharedMemoryPerMultiprocessor, p.sharedMemPerMultiprocessor},
              {cudaDevAttrMaxSharedMemoryPerBlockOptin, shared_most}};
  for (auto &row : list)
    if (row.attribute == attribute) return *value = (int)row.value, cudaSuccess;
  return esp_model_error(cudaErrorInvalidValue, "attribute %d of a device: the model has none", attribute);
}

cudaError_t cudaDeviceReset() {
  cudaDeviceSynchronize();
  h.last = h.failed = cudaSuccess;
  return cudaSuccess;
}

/* ---- kernels ---- */

cudaError_t esp_model_attribute(const void *kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || (size_t)value > shared_most)
    return esp_model_error(cudaErrorInvalidValue, "%d bytes of dynamic shared memory: a block has up to %zu", value,
                           shared_most);
  h.dynamic[kernel] = (size_t)value;
  return cudaSuccess;
}

cudaError_t esp_model_launch(const esp_model_kernel &k, std::function<void()> call) {
  auto own = h.dynamic.find(k.kernel);
  const size_t most = own != h.dynamic.end() && own->second > shared_usual ? own->second : shared_usual;
  if (k.shared_bytes > most)
    return esp_model_error(
        cudaErrorInvalidValue,
        "kernel %s: %zu bytes of dynamic shared memory, %zu are allowed (more by cudaFuncSetAttribute)", k.name,
        k.shared_bytes, most);
  const dim3 b = k.block, g = k.grid;
  if (b.x > 1024 || b.y > 1024 || b.z > 64 || (size_t)b.x * b.y * b.z > 1024 || b.x * b.y * b.z == 0)
    return esp_model_error(cudaErrorInvalidConfiguration,
                           "kernel %s: a block of %u x %u x %u threads: 1 to 1024 are allowed", k.name, b.x, b.y, b.z);
  if (g.x > 0x7fffffff || g.y > 65535 || g.z > 65535 || g.x == 0 || g.y == 0 || g.z == 0)
    return esp_model_error(cudaErrorInvalidConfiguration,
                           "kernel %s: a grid of %u x %u x %u blocks: no device has that", k.name, g.x, g.y, g.z);
  return esp_model_give(k.stream, [k, call] { esp_model_run(k, call); });
}
