/* Sums of lines of numbers, each in order: a row's over its columns, a group's over its rows. A block has ESP_LINES of them and
 * takes ESP_LINE_TERMS of each at a time: all threads make terms, neighbours in a line side by side, and lay them into shared
 * memory; the lanes of the first warp add a line each, while the others make the next ones. A term: 1 sum, and 16 bytes of shared
 * memory. Only .cu files include this. */
#ifndef ESP_CUDA_LINES_CUH
#define ESP_CUDA_LINES_CUH

#include "cuda/launch.h"

enum {
  ESP_LINES = 32,
  ESP_LINE_TERMS = 32,
  ESP_LINE_THREADS = 256,
  ESP_LINE_BYTES = 2 * ESP_LINES * (ESP_LINE_TERMS + 1) * 8 /* of dynamic shared memory */
};

/* Lines first .. of `lines`, by all threads of a block: sum of term(line, k) for k = 0 .. count(line) - 1 from 0 on, then
 * close(line, sum) by one thread. Each term is asked for once. No line is longer than those before it. */
template <class Count, class Term, class Close>
static __device__ __forceinline__ void esp_lines_sum(size_t first, size_t lines, Count count, Term term, Close close) {
  ESP_SHARED(double, memory);
  const int t = threadIdx.x, lane = t % ESP_LINE_TERMS, longest = count(first);
  const size_t own = first + (size_t)t;
  double sum = 0, *now = memory, *next = memory + ESP_LINES * (ESP_LINE_TERMS + 1);
  for (int begin = 0; begin < longest; begin += ESP_LINE_TERMS) {
    for (int j = t / ESP_LINE_TERMS; j < ESP_LINES; j += ESP_LINE_THREADS / ESP_LINE_TERMS) {
      const size_t line = first + (size_t)j;
      if (line < lines && begin + lane < count(line)) now[j * (ESP_LINE_TERMS + 1) + lane] = term(line, begin + lane);
    }
    __syncthreads();
    if (t < ESP_LINES && own < lines) {
      const int left = count(own) - begin, here = left < ESP_LINE_TERMS ? left : (int)ESP_LINE_TERMS;
      for (int k = 0; k < here; k++) sum += now[t * (ESP_LINE_TERMS + 1) + k];
    }
    double *const used = now;
    now = next;
    next = used;
  }
  if (t < ESP_LINES && own < lines) close(own, sum);
}

#endif
