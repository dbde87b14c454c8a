/* Losses: the bits of loss_mean, loss_squares and loss_slope of net/rows.h.
 *
 * Order. A row's squares by columns, from 0; rows as exact terms, in any order.
 *
 * Bytes and operations: a mean 8 and some 40 (of integers) a number; squares 16 width and 6 width, some 80 of integers a row; slope
 * 24 and 4 a number. A thread holds SEGMENT rows' terms in a window of its own, a block all of its words of squares in shared
 * memory: few atomics meet at the accumulators. */
#include "cuda/inline.h"

#include "cuda/exact.cuh"
#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/rows.h"
#include "cuda/settled.h"

namespace {

enum { THREADS = 256, SEGMENT = 32, WORDS = ESP_EXACT_FULL_WORDS, LSB = ESP_EXACT_FULL_LSB };

__device__ __forceinline__ double weight_of(const esp_scored &s, size_t i) {
  return s.weight ? s.weight[i] : 1;
}

/* A thread has SEGMENT rows of one target, or of the weight behind them. */
__global__ void __launch_bounds__(THREADS) mean_kernel(esp_scored s, int64_t *acc) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, all = (size_t)s.width + 1, k = at % all;
  const size_t n = (size_t)s.n, begin = at / all * SEGMENT, end = begin + SEGMENT < n ? begin + SEGMENT : n;
  if (begin >= n) return;
  esp_exact_window window;
  esp_exact_window_open(&window);
  for (size_t i = begin; i < end; i++) {
    const double weight = weight_of(s, i);
    const double term = k + 1 < all ? weight * s.targets[i * (size_t)s.width + k] : weight;
    esp_exact_window_add(&window, WORDS, LSB, acc + k * WORDS, term);
  }
  esp_exact_window_close(&window, acc + k * WORDS);
}

/* A block has THREADS x SEGMENT rows. */
__global__ void __launch_bounds__(THREADS)
    squares_kernel(esp_scored s, const double *y, const double *mean, int64_t *acc) {
  ESP_SHARED(int64_t, word);
  const size_t n = (size_t)s.n, width = (size_t)s.width, row = (size_t)s.row;
  esp_exact_window of_error, of_spread;
  for (int k = threadIdx.x; k < 2 * WORDS; k += THREADS) word[k] = 0;
  __syncthreads();
  esp_exact_window_open(&of_error);
  esp_exact_window_open(&of_spread);
  for (int j = 0; j < SEGMENT; j++) {
    const size_t i = ((size_t)blockIdx.x * SEGMENT + (size_t)j) * THREADS + threadIdx.x;
    if (i >= n) break;
    double error = 0, spread = 0;
    for (size_t a = 0; a < width; a++) {
      const double t = s.targets[i * width + a], e = y[i * row + (size_t)s.at + a] - t, d = mean ? t - mean[a] : t;
      error += e * e;
      spread += d * d;
    }
    esp_exact_window_add(&of_error, WORDS, LSB, word, weight_of(s, i) * error);
    esp_exact_window_add(&of_spread, WORDS, LSB, word + WORDS, weight_of(s, i) * spread);
  }
  esp_exact_window_close(&of_error, word);
  esp_exact_window_close(&of_spread, word + WORDS);
  __syncthreads();
  for (int k = threadIdx.x; k < 2 * WORDS; k += THREADS) {
    unsigned long long *to = (unsigned long long *)acc + k;
    if (word[k] && k % WORDS == 0) atomicOr(to, (unsigned long long)word[k]); /* flags */
    if (word[k] && k % WORDS) atomicAdd(to, (unsigned long long)word[k]);
  }
}

__global__ void __launch_bounds__(THREADS)
    slope_kernel(esp_scored s, const double *y, double a, double over, double *dy) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, width = (size_t)s.width, i = at / width;
  if (i >= (size_t)s.n) return;
  const size_t to = i * (size_t)s.row + (size_t)s.at + (at - i * width);
  dy[to] = a * weight_of(s, i) / over * (y[to] - s.targets[at]);
}

}  // namespace

void esp_cuda_loss_mean(const esp_scored *s, int64_t *acc) {
  const size_t all = ((size_t)s->width + 1) * esp_parts((size_t)s->n, SEGMENT);
  ESP_START(mean_kernel, esp_parts(all, THREADS), THREADS, 0, 0, *s, acc);
}

void esp_cuda_loss_squares(const esp_scored *s, const double *y, const double *mean, int64_t *acc) {
  const unsigned blocks = esp_parts((size_t)s->n, THREADS * SEGMENT);
  ESP_START(squares_kernel, blocks, THREADS, 2 * WORDS * sizeof(int64_t), 0, *s, y, mean, acc);
}

void esp_cuda_loss_slope(const esp_scored *s, const double *y, double a, double over, double *dy) {
  const size_t all = (size_t)s->n * (size_t)s->width;
  ESP_START(slope_kernel, esp_parts(all, THREADS), THREADS, 0, 0, *s, y, a, over, dy);
}
