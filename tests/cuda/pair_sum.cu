#include "tests/cuda/pair_sum.h"

#include "cuda/launch.h"

namespace {

constexpr int block = 64, warps = block / 32;

/* The sum over the block's threads, at thread 0; every thread takes part. */
__device__ double block_sum(double value) {
  __shared__ double part[warps];
  for (int apart = 16; apart > 0; apart /= 2) value += __shfl_down_sync(0xffffffffu, value, apart);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < warps; w++) sum += part[w];
  __syncthreads();
  return sum;
}

/* One receiver a thread; senders come in tiles of a block's size. */
__global__ void __launch_bounds__(block)
    pair_force(int n, const double *__restrict__ x, const double *__restrict__ mass, double eps2, double *force,
               pair_totals *totals) {
  ESP_SHARED(double, tile); /* [block][4] */
  const int me = (int)(blockIdx.x * block + threadIdx.x), own = min(me, n - 1);
  const double at[3] = {x[3 * own], x[3 * own + 1], x[3 * own + 2]};
  double f[3] = {0, 0, 0};
  int pairs = 0;
  for (int first = 0; first < n; first += block) {
    const int from = first + (int)threadIdx.x;
    double *mine = tile + 4 * threadIdx.x;
    for (int k = 0; k < 3; k++) mine[k] = from < n ? x[3 * from + k] : 0;
    mine[3] = from < n ? mass[from] : 0;
    __syncthreads();
    for (int j = 0; j < block && first + j < n; j++) {
      if (first + j == me || me >= n) continue;
      const double *other = tile + 4 * j;
      const double dx = other[0] - at[0], dy = other[1] - at[1], dz = other[2] - at[2];
      const double r2 = dx * dx + dy * dy + dz * dz + eps2, w = other[3] / (r2 * sqrt(r2));
      f[0] += w * dx, f[1] += w * dy, f[2] += w * dz;
      pairs++;
    }
    __syncthreads();
  }
  for (int k = 0; k < 3; k++) {
    const double m = mass[own], sum = block_sum(me < n ? m * f[k] : 0);
    if (me < n) force[3 * me + k] = m * f[k];
    if (threadIdx.x == 0) atomicAdd(&totals->sum[k], sum);
  }
  const unsigned busy = __ballot_sync(0xffffffffu, pairs > 0);
  for (int apart = 16; apart > 0; apart /= 2) pairs += __shfl_xor_sync(0xffffffffu, pairs, apart);
  if (busy && threadIdx.x % 32 == 0)
    atomicAdd(reinterpret_cast<unsigned long long *>(&totals->pairs), (unsigned long long)pairs);
}

struct memory {
  double *x, *mass, *force;
  pair_totals *totals;
};

int run(const memory &d, int n, const double *x, const double *mass, double softening, double *force,
        pair_totals *totals) {
  const size_t bytes = (size_t)n * sizeof(double);
  ESP_CUDA(cudaMemcpy(d.x, x, 3 * bytes, cudaMemcpyHostToDevice));
  ESP_CUDA(cudaMemcpy(d.mass, mass, bytes, cudaMemcpyHostToDevice));
  ESP_CUDA(cudaMemset(d.totals, 0, sizeof *totals));
  const unsigned blocks = (unsigned)((n + block - 1) / block);
  ESP_LAUNCH(pair_force, blocks, block, block * 4 * sizeof(double), nullptr, n, d.x, d.mass, softening * softening,
             d.force, d.totals);
  ESP_CUDA(cudaMemcpy(force, d.force, 3 * bytes, cudaMemcpyDeviceToHost));
  ESP_CUDA(cudaMemcpy(totals, d.totals, sizeof *totals, cudaMemcpyDeviceToHost));
  return ESP_OK;
}

}  // namespace

int pair_sum(int n, const double *x, const double *mass, double softening, double *force, pair_totals *totals) {
  int rc = ESP_OK;
  memory d = {};
  const size_t bytes = (size_t)n * sizeof(double);
  ESP_CUDA_TRY(cudaMalloc(&d.x, 3 * bytes));
  ESP_CUDA_TRY(cudaMalloc(&d.mass, bytes));
  ESP_CUDA_TRY(cudaMalloc(&d.force, 3 * bytes));
  ESP_CUDA_TRY(cudaMalloc(&d.totals, sizeof *totals));
  ESP_TRY(run(d, n, x, mass, softening, force, totals));
done:
  cudaFree(d.totals);
  cudaFree(d.force);
  cudaFree(d.mass);
  cudaFree(d.x);
  return rc;
}
