#include "cuda/device.h"

#include <cstdio>
#include <cstring>

#include "cuda/check.h"

int esp_device_count(int *count) {
  *count = 0;
  cudaError_t error = cudaGetDeviceCount(count);
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice) {
    cudaGetLastError(); /* an answer, not a failure: do not leave it for the next check */
    *count = 0;
    return ESP_OK;
  }
  ESP_CUDA(error);
  return ESP_OK;
}

static int check_range(int device) {
  int count;
  ESP_CALL(esp_device_count(&count));
  ESP_CHECK(device >= 0 && device < count, ESP_ERR_ARG, "device %d: allowed is 0 <= device < %d, the devices here",
            device, count);
  return ESP_OK;
}

int esp_device_query(int device, esp_device_info *info) {
  ESP_CALL(check_range(device));
  int current, clock_khz = 0, bus_bits = 0;
  cudaDeviceProp properties;
  ESP_CUDA(cudaGetDevice(&current));
  ESP_CUDA(cudaGetDeviceProperties(&properties, device));
  ESP_CUDA(cudaDeviceGetAttribute(&clock_khz, cudaDevAttrMemoryClockRate, device));
  ESP_CUDA(cudaDeviceGetAttribute(&bus_bits, cudaDevAttrGlobalMemoryBusWidth, device));
  std::memset(info, 0, sizeof *info);
  std::snprintf(info->name, sizeof info->name, "%s", properties.name);
  info->major = properties.major;
  info->minor = properties.minor;
  info->multiprocessors = properties.multiProcessorCount;
  info->memory = properties.totalGlobalMem;
  info->bandwidth = 2.0 * clock_khz * 1e3 * (bus_bits / 8.0); /* two transfers a clock */
  ESP_CUDA(cudaSetDevice(device));
  size_t total;
  cudaError_t error = cudaMemGetInfo(&info->free, &total);
  ESP_CUDA(cudaSetDevice(current));
  ESP_CUDA(error);
  return ESP_OK;
}

int esp_device_select(int device) {
  ESP_CALL(check_range(device));
  ESP_CUDA(cudaSetDevice(device));
  return ESP_OK;
}

int esp_device_uuid(char uuid[ESP_DEVICE_UUID]) {
  int device;
  cudaDeviceProp properties;
  ESP_CUDA(cudaGetDevice(&device));
  ESP_CUDA(cudaGetDeviceProperties(&properties, device));
  static_assert(sizeof properties.uuid == ESP_DEVICE_UUID, "as CUDA has it");
  std::memcpy(uuid, &properties.uuid, sizeof properties.uuid);
  return ESP_OK;
}

int esp_device_wait(void) {
  ESP_CUDA(cudaDeviceSynchronize());
  return ESP_OK;
}
