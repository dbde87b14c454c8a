/* Exact sums of many numbers: the words of base/exact_sum.c.
 *
 * Order. None: sums of integers. A carry goes through a number's words from the lowest, as on the host.
 *
 * Adding: a thread takes SEGMENT terms of one number into a window of its own, and that to the accumulator by up to five atomics:
 * 8 bytes and some 40 operations of integers a term. Carries and values: a block brings NUMBERS accumulators to shared memory
 * side by side, a thread works on one of them; 16 bytes a word (8 for a value), and 6 operations (a value: 10). */
#include "cuda/inline.h"

#include "base/exact_value.h"
#include "cuda/exact.cuh"
#include "cuda/exact.h"
#include "cuda/launch.h"

namespace {

enum { THREADS = 256, SEGMENT = 64, NUMBERS = 64, WORDS = ESP_EXACT_FULL_WORDS, LSB = ESP_EXACT_FULL_LSB };

__global__ void __launch_bounds__(THREADS) add_kernel(size_t groups, size_t numbers, const double *sum, int64_t *acc) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, k = at % numbers;
  const size_t begin = at / numbers * SEGMENT, end = begin + SEGMENT < groups ? begin + SEGMENT : groups;
  if (begin >= groups) return;
  esp_exact_window window;
  esp_exact_window_open(&window);
  for (size_t g = begin; g < end; g++) esp_exact_window_add(&window, WORDS, LSB, acc + k * WORDS, sum[g * numbers + k]);
  esp_exact_window_close(&window, acc + k * WORDS);
}

/* A block's accumulators to shared memory, or back: each in a row of its own, of an odd number of words. */
__host__ __device__ __forceinline__ int row_of(int words) {
  return words | 1;
}
template <class Move>
__device__ void each_word(int words, size_t first, size_t count, Move move) {
  const int there = count - first < NUMBERS ? (int)(count - first) : (int)NUMBERS;
  for (int k = threadIdx.x; k < there * words; k += NUMBERS)
    move(first * (size_t)words + (size_t)k, k / words * row_of(words) + k % words);
}

__global__ void __launch_bounds__(NUMBERS) carry_kernel(int words, int64_t *acc, size_t count) {
  ESP_SHARED(int64_t, room);
  const size_t first = (size_t)blockIdx.x * NUMBERS;
  each_word(words, first, count, [&](size_t from, int to) { room[to] = acc[from]; });
  __syncthreads();
  if (first + threadIdx.x < count) esp_exact_carry_one(words, room + (int)threadIdx.x * row_of(words));
  __syncthreads();
  each_word(words, first, count, [&](size_t to, int from) { acc[to] = room[from]; });
}

__global__ void __launch_bounds__(NUMBERS)
    value_kernel(int words, int lsb, const int64_t *acc, size_t count, double *y) {
  ESP_SHARED(int64_t, room);
  const size_t first = (size_t)blockIdx.x * NUMBERS, at = first + threadIdx.x;
  each_word(words, first, count, [&](size_t from, int to) { room[to] = acc[from]; });
  __syncthreads();
  if (at < count) y[at] = esp_exact_value_one(words, lsb, room + (int)threadIdx.x * row_of(words));
}

unsigned parts(size_t count, size_t each) {
  return (unsigned)((count + each - 1) / each);
}

size_t room_of(const esp_exact_format *format) {
  return NUMBERS * (size_t)row_of(format->words) * sizeof(int64_t);
}

}  // namespace

int esp_cuda_exact_add(size_t groups, size_t numbers, const double *sum, int64_t *acc) {
  const size_t segments = (groups + SEGMENT - 1) / SEGMENT;
  ESP_LAUNCH(add_kernel, parts(numbers * segments, THREADS), THREADS, 0, 0, groups, numbers, sum, acc);
  return ESP_OK;
}

int esp_cuda_exact_carry(const esp_exact_format *format, int64_t *acc, size_t count) {
  ESP_LAUNCH(carry_kernel, parts(count, NUMBERS), NUMBERS, room_of(format), 0, format->words, acc, count);
  return ESP_OK;
}

int esp_cuda_exact_value(const esp_exact_format *format, const int64_t *acc, size_t count, double *y) {
  ESP_LAUNCH(value_kernel, parts(count, NUMBERS), NUMBERS, room_of(format), 0, format->words, format->lsb, acc, count,
             y);
  return ESP_OK;
}
