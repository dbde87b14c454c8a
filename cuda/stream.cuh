/* Runs of rows through shared memory: what all kernels of messages share. All threads of a block call these together.
 *
 * A stream is filled with the rows of runs, one after the other, by all threads; whenever `chunk` of them are there, and where
 * the caller says so, it is flushed, as on the CPU: so both sum the same chunks. Only .cu files include this. */
#ifndef ESP_CUDA_STREAM_CUH
#define ESP_CUDA_STREAM_CUH

#include "cuda/exact.cuh"
#include "cuda/lists.h"

/* Which of n runs row `at` of all of them lies in; start [n + 1] counts the rows before each. */
static __device__ __forceinline__ int esp_run_of(const int *start, int n, int at) {
  int low = 0, high = n;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (start[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* start [blockDim.x + 1] of the counts of runs [0, n), n <= blockDim.x. */
static __device__ void esp_run_starts(const esp_cuda_run *run, int n, int *start) {
  const int t = threadIdx.x;
  if (t == 0) start[0] = 0;
  start[t + 1] = t < n ? run[t].count : 0;
  __syncthreads();
  for (int step = 1; step < n; step *= 2) {
    const int before = t >= step ? start[t + 1 - step] : 0;
    __syncthreads();
    start[t + 1] += before;
    __syncthreads();
  }
}

/* fetch(run, row of it, place in the stream): by one thread. flush(filled): by all; the stream is the same for all of them, and is
 * free when it returns. `filled`: how many rows are in the stream before; returns how many are left in it. */
template <class Fetch, class Flush>
static __device__ int esp_stream_runs(const esp_cuda_run *run, int64_t runs, int chunk, int filled, int *start,
                                      Fetch fetch, Flush flush) {
  for (int64_t first = 0; first < runs; first += blockDim.x) {
    const int n = runs - first < blockDim.x ? (int)(runs - first) : (int)blockDim.x;
    __syncthreads();
    esp_run_starts(run + first, n, start);
    const int total = start[n];
    for (int at = 0; at < total;) {
      const int take = chunk - filled < total - at ? chunk - filled : total - at;
      for (int k = threadIdx.x; k < take; k += blockDim.x) {
        const int r = esp_run_of(start, n, at + k);
        fetch(first + r, at + k - start[r], filled + k);
      }
      filled += take;
      at += take;
      if (filled < chunk) continue;
      __syncthreads();
      flush(filled);
      __syncthreads();
      filled = 0;
    }
  }
  return filled;
}

/* What is left in it. */
template <class Flush>
static __device__ void esp_stream_rest(int filled, Flush flush) {
  __syncthreads();
  if (filled) flush(filled);
  __syncthreads();
}

/* The leaf of a block, by its number in it, that holds one of the block's slots. */
static __device__ int esp_leaf_of(const esp_cuda_lists &lists, int block, int slot) {
  const esp_cuda_run *leaf = lists.leaf + (size_t)block * lists.leaves;
  int k = 0;
  while (k + 1 < lists.leaves && slot >= leaf[k].first + leaf[k].count) k++;
  return k;
}

/* Whether the receivers of a meeting have that leaf near. */
static __device__ int esp_meets(const esp_cuda_lists &lists, const esp_cuda_meeting &meeting, int leaf) {
  return lists.seen[meeting.leaves + leaf / 32] >> (leaf % 32) & 1;
}

/* Of sixteen floats, halved in a fixed order. */
static __device__ __forceinline__ double esp_total16(const float *part) {
  double sum[8];
  for (int l = 0; l < 8; l++) sum[l] = (double)part[l] + (double)part[l + 8];
  for (int l = 0; l < 4; l++) sum[l] += sum[l + 4];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

#endif
