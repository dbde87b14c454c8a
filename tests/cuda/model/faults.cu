#include "tests/cuda/model/faults.h"

#include "cuda/launch.h"

namespace {

constexpr int block = FAULT_BLOCK;
constexpr unsigned whole = 0xffffffffu;

#define KERNEL(name) __global__ void name(const float *a, float *b, int n, int broken)

/* b is a backwards. */
KERNEL(no_barrier) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  s[t] = t < n ? a[t] : 0;
  if (!broken) __syncthreads();
  if (t < n) b[t] = s[n - 1 - t];
}

/* Twice, by tiles that overwrite each other. */
KERNEL(no_barrier_behind) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  float value = 0;
  for (int round = 0; round < 2; round++) {
    s[t] = t < n ? a[t] + (float)round : 0;
    __syncthreads();
    value += t < n ? s[n - 1 - t] - (float)round : 0;
    if (!broken) __syncthreads();
  }
  if (t < n) b[t] = value / 2;
}

/* Of what a warp of its own wrote. */
KERNEL(no_warp_barrier) {
  ESP_SHARED(float, s);
  const int t = (int)threadIdx.x, first = t & ~31, end = min(first + 32, n);
  s[t] = t < n ? a[t] : 0;
  if (!broken) __syncwarp();
  if (t < n) b[t] = s[first + end - 1 - t];
}

/* Of what the lane before it wrote. */
KERNEL(lanes_in_order) {
  ESP_SHARED(float, s);
  const int t = (int)threadIdx.x;
  s[t] = t < n ? a[t] : 0;
  if (!broken) __syncwarp();
  if (t < n) b[t] = s[t % 32 ? t - 1 : t];
}

KERNEL(ragged) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  if (broken && t >= n) return;
  s[t] = t < n ? a[t] : 0;
  __syncthreads();
  if (t < n) b[t] = s[n - 1 - t];
}

KERNEL(unset_shared) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  if (t < n || !broken) s[t] = t < n ? a[t] : 0;
  __syncthreads();
  float sum = 0;
  for (int k = 0; k < block; k++) sum += s[k];
  if (t < n) b[t] = sum;
}

KERNEL(write_beyond) {
  const int t = (int)threadIdx.x;
  if (t < n + broken) b[t] = t < n ? a[n - 1 - t] : 0;
}

KERNEL(write_far) {
  const int t = (int)threadIdx.x;
  if (t < n) b[t + 1024 * broken] = a[n - 1 - t];
}

KERNEL(read_beyond) {
  const int t = (int)threadIdx.x;
  if (t < n) b[t] = a[n - 1 - t] + (broken ? 0 * a[n - t] : 0);
}

KERNEL(shared_beyond) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  s[t + broken] = t < n ? a[t] : 0;
  __syncthreads();
  if (t < n) b[t] = s[n - 1 - t + broken];
}

KERNEL(dynamic_beyond) {
  ESP_SHARED(float, s);
  const int t = (int)threadIdx.x;
  s[t + broken] = t < n ? a[t] : 0;
  __syncthreads();
  if (t < n) b[t] = s[n - 1 - t + broken];
}

/* Neighbours of a half warp; the last of a half is its own. */
KERNEL(shuffle_from_outside) {
  const int t = (int)threadIdx.x, lane = t % 32;
  const unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;
  const float value = __shfl_down_sync(half, t < n ? a[t] : 0, 1, broken ? 32 : 16);
  if (t < n) b[t] = lane == 15 || lane == 31 || t == n - 1 ? a[t] : value;
}

KERNEL(shuffle_with_returned) {
  const int t = (int)threadIdx.x;
  if (broken && t >= n) return;
  const float value = __shfl_xor_sync(whole, t < n ? a[t] : 0, 1);
  if (t < n) b[t] = value;
}

KERNEL(mask_without_caller) {
  const int t = (int)threadIdx.x;
  const float value = __shfl_xor_sync(broken ? 0xffff0000u : whole, t < n ? a[t] : 0, 1);
  if (t < n) b[t] = value;
}

KERNEL(masks_differ) {
  const int t = (int)threadIdx.x, lane = t % 32;
  const unsigned mask = broken && lane >= 8 ? 0xfffffffeu : whole;
  const float value = __shfl_xor_sync(mask, t < n ? a[t] : 0, 1);
  if (t < n) b[t] = value;
}

KERNEL(barriers_differ) {
  __shared__ float s[block];
  const int t = (int)threadIdx.x;
  s[t] = t < n ? a[t] : 0;
  if (broken && t < 32)
    __syncthreads();
  else
    __syncthreads();
  if (t < n) b[t] = s[n - 1 - t];
}

KERNEL(warp_waits_for_block) {
  const int t = (int)threadIdx.x;
  if (broken && t % 32 >= 16)
    __syncthreads();
  else
    __syncwarp();
  if (t < n) b[t] = a[n - 1 - t];
}

__device__ float deep(const float *a, int k) {
  volatile float much[256];
  much[k & 255] = a[0];
  return k == 0 ? much[0] : deep(a, k - 1) + much[k & 255] - a[0];
}
KERNEL(stack_full) {
  const int t = (int)threadIdx.x;
  if (t < n) b[t] = a[n - 1 - t] + (deep(a, broken ? 4000 : 4) - a[0]);
}

/* Two blocks; the second takes from the first. */
KERNEL(blocks_in_order) {
  const int t = (int)threadIdx.x, u = n - 1 - t;
  if (t >= n) return;
  const int half = n / 2;
  if ((t < half) == (blockIdx.x == 0)) b[t] = !broken || t < half ? a[u] : b[u] + a[u] - a[t];
}

/* Places by who comes first. */
KERNEL(places_by_atomics) {
  const int t = (int)threadIdx.x;
  __shared__ int count;
  if (t == 0) count = 0;
  __syncthreads();
  const int mine = broken ? atomicAdd(&count, 1) : t;
  if (t < n) b[mine < n ? mine : t] = a[n - 1 - t];
}

const struct {
  void (*kernel)(const float *, float *, int, int);
  fault what;
  int shape; /* of what is right: below */
} list[] = {
    {no_barrier, {"no barrier between write and read", nullptr, 0}, 0},
    {no_barrier_behind, {"no barrier between read and write", nullptr, 0}, 0},
    {no_warp_barrier, {"no barrier in a warp", nullptr, 0}, 1},
    {lanes_in_order, {"a lane that needs the one before it", nullptr, 0}, 5},
    {ragged, {"return before a barrier", "waits at __syncthreads (faults.cu:", 0}, 0},
    {unset_shared, {"shared memory that no one set", nullptr, 0}, 2},
    {write_beyond,
     {"written beyond the end", "kernel list[k].kernel wrote just outside of an allocation of 200 bytes", 0},
     0},
    {write_far, {"written far beyond the end", "is no one's", 0}, 0},
    {read_beyond, {"read beyond the end", nullptr, 0}, 0},
    {shared_beyond, {"beyond a shared array", nullptr, 1}, 0},
    {dynamic_beyond, {"beyond dynamic shared memory", "beyond its dynamic shared memory", 0}, 0},
    {shuffle_from_outside, {"shuffle from outside the mask", "which is not in its mask 0x0000ffff", 0}, 3},
    {shuffle_with_returned, {"shuffle with a thread that has returned", "of the block has returned", 0}, 4},
    {mask_without_caller, {"mask without its caller", "its mask 0xffff0000 lacks the calling lane", 0}, 4},
    {masks_differ, {"masks that differ", "with mask 0xfffffffe", 0}, 4},
    {barriers_differ, {"barriers that differ", "of the block waits at __syncthreads (faults.cu:", 0}, 0},
    {warp_waits_for_block, {"warp waits for who waits for the block", "waits at __syncwarp (faults.cu:", 0}, 0},
    {stack_full, {"stack overflow", "its stack of", 0}, 0},
    {blocks_in_order, {"a block that needs another one first", nullptr, 0}, 0},
    {places_by_atomics, {"order of atomics", nullptr, 0}, 0},
};
constexpr int count = sizeof list / sizeof *list;

struct memory {
  float *a, *b;
};

int run(const memory &d, int k, int broken, const float *a, float *b) {
  const size_t bytes = FAULT_N * sizeof(float);
  ESP_CUDA(cudaMemcpy(d.a, a, bytes, cudaMemcpyHostToDevice));
  ESP_LAUNCH(list[k].kernel, 2, block, block * sizeof(float), nullptr, d.a, d.b, FAULT_N, broken);
  ESP_CUDA(cudaMemcpy(b, d.b, bytes, cudaMemcpyDeviceToHost));
  return ESP_OK;
}

}  // namespace

float fault_right(int k, const float *a, int i) {
  const int first = i & ~31, end = min(first + 32, FAULT_N);
  float sum = 0;
  for (int j = 0; j < FAULT_N; j++) sum += a[j];
  const float right[] = {a[FAULT_N - 1 - i],
                         a[first + end - 1 - i],
                         sum,
                         i % 16 == 15 || i == FAULT_N - 1 ? a[i] : a[min(i + 1, FAULT_N - 1)],
                         a[i ^ 1],
                         a[i % 32 ? i - 1 : i]};
  return right[list[k].shape];
}

const fault *fault_of(int k) {
  return k < count ? &list[k].what : nullptr;
}

int fault_run(int k, int broken, const float *a, float *b) {
  int rc = ESP_OK;
  memory d = {};
  const size_t bytes = FAULT_N * sizeof(float);
  ESP_CUDA_TRY(cudaMalloc(&d.a, bytes));
  ESP_CUDA_TRY(cudaMalloc(&d.b, bytes));
  ESP_TRY(run(d, k, broken, a, b));
done:
  cudaFree(d.b);
  cudaFree(d.a);
  return rc;
}
