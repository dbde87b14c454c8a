/* Losses and the optimiser: the bits of net/loss_nmse.c, net/loss_nmse_columns.c and net/optim.c.
 *
 * Order. A row's squares by columns, from 0; rows as exact terms, in any order. The norm's squares in ascending order by one
 * thread, which alone binds it: some 10 cycles a number. All else is of one number.
 *
 * Bytes and operations: a mean 8 and some 40 (of integers) a number; squares 16 width and 6 width, some 80 of integers a row; slope
 * 24 and 4 a number; norm 8 and 2; clipping 16 and 2; Adam 56 and 14 (3 divisions and a root). A thread holds SEGMENT rows' terms
 * in a window of its own, a block all of its words of squares in shared memory: few atomics meet at the accumulators. */
#include "cuda/inline.h"

#include "cuda/exact.cuh"
#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/train.h"
#include "net/adam.h"

namespace {

enum { THREADS = 256, SEGMENT = 32, WORDS = ESP_EXACT_FULL_WORDS, LSB = ESP_EXACT_FULL_LSB };

__device__ __forceinline__ double weight_of(const esp_cuda_scored &s, size_t i) {
  return s.weight ? s.weight[i] : 1;
}

/* A thread has SEGMENT rows of one target, or of the weight behind them. */
__global__ void __launch_bounds__(THREADS) mean_kernel(esp_cuda_scored s, int64_t *acc) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, all = (size_t)s.width + 1, k = at % all;
  const size_t n = (size_t)s.n, begin = at / all * SEGMENT, end = begin + SEGMENT < n ? begin + SEGMENT : n;
  if (begin >= n) return;
  esp_exact_window window;
  esp_exact_window_open(&window);
  for (size_t i = begin; i < end; i++) {
    const double weight = weight_of(s, i);
    const double term = k + 1 < all ? weight * s.t[i * (size_t)s.width + k] : weight;
    esp_exact_window_add(&window, WORDS, LSB, acc + k * WORDS, term);
  }
  esp_exact_window_close(&window, acc + k * WORDS);
}

/* A block has THREADS x SEGMENT rows. */
__global__ void __launch_bounds__(THREADS)
    squares_kernel(esp_cuda_scored s, const double *y, const double *mean, int64_t *acc) {
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
      const double t = s.t[i * width + a], e = y[i * row + (size_t)s.at + a] - t, d = mean ? t - mean[a] : t;
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
    slope_kernel(esp_cuda_scored s, const double *y, double a, double over, double *dy) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, width = (size_t)s.width, i = at / width;
  if (i >= (size_t)s.n) return;
  const size_t to = i * (size_t)s.row + (size_t)s.at + (at - i * width);
  dy[to] = a * weight_of(s, i) / over * (y[to] - s.t[at]);
}

/* One block: all threads square, the first one adds. */
__global__ void __launch_bounds__(THREADS) norm_kernel(int count, const double *gradient, double *norm) {
  ESP_SHARED(double, square);
  double sum = 0;
  for (int begin = 0, side = 0; begin < count; begin += THREADS, side = THREADS - side) {
    const int k = begin + (int)threadIdx.x, here = count - begin < THREADS ? count - begin : (int)THREADS;
    if (k < count) square[side + (int)threadIdx.x] = gradient[k] * gradient[k];
    __syncthreads();
    for (int e = 0; e < here && threadIdx.x == 0; e++) sum += square[side + e];
  }
  if (threadIdx.x == 0) *norm = sqrt(sum);
}

__global__ void __launch_bounds__(THREADS) clip_kernel(double limit, int count, const double *norm, double *gradient) {
  const size_t k = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (k<(size_t)count && * norm> limit) gradient[k] *= limit / *norm;
}

__global__ void __launch_bounds__(THREADS)
    adam_kernel(esp_adam_rates rates, int count, const double *gradient, double *m, double *v, double *value) {
  const size_t k = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (k < (size_t)count) esp_adam_number(&rates, gradient[k], m + k, v + k, value + k);
}

int clip(double limit, int count, double *gradient, double *there, double *norm) {
  ESP_LAUNCH(norm_kernel, 1, THREADS, 2 * THREADS * sizeof(double), 0, count, gradient, there);
  if (limit > 0)
    ESP_LAUNCH(clip_kernel, esp_parts((size_t)count, THREADS), THREADS, 0, 0, limit, count, there, gradient);
  return esp_cuda_get(norm, there, sizeof *norm);
}

}  // namespace

int esp_cuda_loss_mean(const esp_cuda_scored *s, int64_t *acc) {
  const size_t all = ((size_t)s->width + 1) * esp_parts((size_t)s->n, SEGMENT);
  ESP_LAUNCH(mean_kernel, esp_parts(all, THREADS), THREADS, 0, 0, *s, acc);
  return ESP_OK;
}

int esp_cuda_loss_squares(const esp_cuda_scored *s, const double *y, const double *mean, int64_t *acc) {
  const unsigned blocks = esp_parts((size_t)s->n, THREADS * SEGMENT);
  ESP_LAUNCH(squares_kernel, blocks, THREADS, 2 * WORDS * sizeof(int64_t), 0, *s, y, mean, acc);
  return ESP_OK;
}

int esp_cuda_loss_slope(const esp_cuda_scored *s, const double *y, double a, double over, double *dy) {
  const size_t all = (size_t)s->n * (size_t)s->width;
  ESP_LAUNCH(slope_kernel, esp_parts(all, THREADS), THREADS, 0, 0, *s, y, a, over, dy);
  return ESP_OK;
}

int esp_cuda_clip_norm(double limit, int count, double *gradient, double *norm) {
  void *there;
  ESP_CALL(esp_cuda_reserve(&there, sizeof *norm));
  const int rc = clip(limit, count, gradient, (double *)there, norm);
  esp_cuda_free(&there);
  return rc;
}

int esp_cuda_adam_step(const esp_adam_rates *rates, int count, const double *gradient, double *m, double *v,
                       double *value) {
  ESP_LAUNCH(adam_kernel, esp_parts((size_t)count, THREADS), THREADS, 0, 0, *rates, count, gradient, m, v, value);
  return ESP_OK;
}
