#include "tests/cuda/warp.h"

#include "cuda/launch.h"

namespace {

constexpr unsigned whole = 0xffffffffu;

template <class T>
__device__ T shuffled(warp_shuffle how, unsigned mask, T value, int argument, int width) {
  switch (how) {
    case WARP_LANE:
      return __shfl_sync(mask, value, argument, width);
    case WARP_UP:
      return __shfl_up_sync(mask, value, (unsigned)argument, width);
    case WARP_DOWN:
      return __shfl_down_sync(mask, value, (unsigned)argument, width);
    default:
      return __shfl_xor_sync(mask, value, argument, width);
  }
}

/* b: of double, plus a thousand times that of float, int and unsigned long long. */
__global__ void shuffle(warp_shuffle how, int halves, int width, int argument, const double *a, double *b) {
  const int t = (int)threadIdx.x;
  const double x = a[t];
  double sum;
  if (!halves) {
    sum = shuffled(how, whole, x, argument, width) + 1000 * shuffled(how, whole, (float)x, argument, width);
    sum += 1e6 * shuffled(how, whole, (int)x, argument, width);
    sum += 1e9 * (double)shuffled(how, whole, (unsigned long long)x, argument, width);
  } else if (t % 32 < 16) {
    sum = 1001001001 * shuffled(how, 0xffffu, x, argument, width);
  } else {
    sum = 0;
    for (int k = 0; k < 3; k++) sum += shuffled(how, 0xffff0000u, x, argument, width);
    sum = 1001001001 * (sum / 3);
  }
  b[t] = sum;
}

__global__ void vote(const int *value, int least, int *out) {
  const int t = (int)(threadIdx.x + 8 * threadIdx.y + 32 * threadIdx.z), mine = value[t], yes = mine >= least;
  const unsigned bits = (unsigned)mine;
  const int found[WARP_VOTES] = {(int)__ballot_sync(whole, yes),     __any_sync(whole, yes) != 0,
                                 __all_sync(whole, yes) != 0,        (int)__match_any_sync(whole, mine),
                                 __reduce_add_sync(whole, mine),     __reduce_min_sync(whole, mine),
                                 __reduce_max_sync(whole, mine),     (int)__reduce_and_sync(whole, bits),
                                 (int)__reduce_or_sync(whole, bits), (int)__reduce_xor_sync(whole, bits),
                                 __syncthreads_count(yes),           __syncthreads_and(yes) != 0,
                                 __syncthreads_or(yes) != 0};
  for (int k = 0; k < WARP_VOTES; k++) out[k * WARP_THREADS + t] = found[k];
}

int run_shuffles(warp_shuffle how, int halves, int width, int argument, const double *a, double *b, double *memory) {
  const size_t bytes = WARP_THREADS * sizeof(double);
  ESP_CUDA(cudaMemcpy(memory, a, bytes, cudaMemcpyHostToDevice));
  ESP_LAUNCH(shuffle, 1, WARP_THREADS, 0, nullptr, how, halves, width, argument, memory, memory + WARP_THREADS);
  ESP_CUDA(cudaMemcpy(b, memory + WARP_THREADS, bytes, cudaMemcpyDeviceToHost));
  return ESP_OK;
}

int run_votes(const int *value, int least, int *out, int *memory) {
  const size_t bytes = WARP_THREADS * sizeof(int);
  ESP_CUDA(cudaMemcpy(memory, value, bytes, cudaMemcpyHostToDevice));
  ESP_LAUNCH(vote, 1, dim3(8, 4, 2), 0, nullptr, memory, least, memory + WARP_THREADS);
  ESP_CUDA(cudaMemcpy(out, memory + WARP_THREADS, WARP_VOTES * bytes, cudaMemcpyDeviceToHost));
  return ESP_OK;
}

}  // namespace

int warp_shuffles(warp_shuffle how, int halves, int width, int argument, const double *a, double *b) {
  double *memory;
  ESP_CUDA(cudaMalloc(&memory, 2 * WARP_THREADS * sizeof *memory));
  const int rc = run_shuffles(how, halves, width, argument, a, b, memory);
  cudaFree(memory);
  return rc;
}

int warp_votes(const int *value, int least, int *out) {
  int *memory;
  ESP_CUDA(cudaMalloc(&memory, (1 + WARP_VOTES) * WARP_THREADS * sizeof *memory));
  const int rc = run_votes(value, least, out, memory);
  cudaFree(memory);
  return rc;
}
