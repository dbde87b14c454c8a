/* ESP_LAUNCH: how every kernel is started, on a device and under the model of one on the host (tests/cuda/model).
 *
 *   ESP_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...);
 *   ESP_TRY(ESP_LAUNCHED(kernel, grid, block, shared_bytes, stream, arguments...));      to clean up at `done`
 *
 * The arguments are converted to the kernel's parameters, as in a call, and copied. A template with a comma goes in
 * parentheses: ESP_LAUNCH((sum<float, 3>), ...). A grid of no blocks starts nothing and is no error. A launch that is
 * refused returns from the function, as ESP_CUDA does, with the kernel's name and extents in the message; a kernel that
 * fails while it runs is told by the next call that waits for it. Launches of one stream run in order; nothing waits.
 *
 * ESP_SHARED(type, name): in a kernel, `type *name` is the dynamic shared memory of its launch, aligned to 16 bytes; every
 * use in one kernel is the same memory.
 *
 * A .cu file is compiled by nvcc and, against the model, as C++: it includes <cuda_runtime.h>, cuda/launch.h, C and C++
 * headers and those of src/, starts kernels by ESP_LAUNCH alone (no <<<>>>), has no conditional compilation, and no
 * static variables but __shared__ and __constant__ ones. What the model knows stands in tests/cuda/model/cuda_runtime.h.
 * Only .cu files include this. */
#ifndef ESP_CUDA_LAUNCH_H
#define ESP_CUDA_LAUNCH_H

#include <cuda_runtime.h>

#include "cuda/check.h"

#ifndef ESP_SHARED /* the model has its own */
#define ESP_SHARED(type, name)                                 \
  extern __shared__ __align__(16) unsigned char esp_shared_[]; \
  type *const name = reinterpret_cast<type *>(esp_shared_)
#endif

template <class P>
struct esp_parameter {
  using type = P;
};

template <class... P>
static inline int esp_launch(const char *file, int line, const char *func, const char *name, void (*kernel)(P...),
                             dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                             typename esp_parameter<P>::type... argument) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return ESP_OK;
  void *list[] = {&argument..., const_cast<char *>(name)}; /* behind the last argument, for the model alone */
  const cudaError_t error = cudaLaunchKernel(kernel, grid, block, list, shared_bytes, stream);
  if (error == cudaSuccess) return ESP_OK;
  cudaGetLastError(); /* told here: not again by the next check */
  return esp_fail(esp_cuda_code(error), file, line, func,
                  "CUDA: kernel %s, %u x %u x %u blocks of %u x %u x %u threads, %zu bytes of shared memory: %s: %s",
                  name, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes, cudaGetErrorName(error),
                  cudaGetErrorString(error));
}

#define ESP_LAUNCHED(kernel, ...) esp_launch(__FILE__, __LINE__, __func__, #kernel, kernel, __VA_ARGS__)
#define ESP_LAUNCH(kernel, ...)                                  \
  do {                                                           \
    const int esp_launched_ = ESP_LAUNCHED(kernel, __VA_ARGS__); \
    if (esp_launched_) return esp_launched_;                     \
  } while (0)

#endif
