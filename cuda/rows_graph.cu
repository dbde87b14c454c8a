/* Sums over edges that are given, what graph convolution does with rows, and classes: the bits of net/rows_graph_cpu.c.
 *
 * Order. A row's entries one after the other, each product and each sum rounded; terms as exact ones, in any order.
 *
 * Bytes and operations: sparse, a thread a number, 8 width + 16 an entry and 2 width; terms, a thread a number of a row, 8 an entry,
 * some 40 of integers and three atomics; drop, a thread a row, 24 and some 100 of
 * integers an entry; multiple 24 and 2, relu 16 and 1, its way back 24 and 1, average 24 and 3 (a division),
 * its way back 24 and 2 (a division) a number; classes, a thread SEGMENT rows, 16 and some 60, the slope, a thread a row, 24 and some 70 a
 * number. */
#include "cuda/inline.h"

#include "cuda/exact.cuh"
#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/rows.h"
#include "net/convolved.h"
#include "net/entropy.h"
#include "net/norm.h"

namespace {

enum { THREADS = 256, SEGMENT = 32, WORDS = ESP_EXACT_FULL_WORDS, LSB = ESP_EXACT_FULL_LSB };

__device__ __forceinline__ size_t own_number() {
  return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

#define EACH(kernel, count, ...) \
  ESP_START(kernel, esp_parts((size_t)(count), THREADS), THREADS, 0, 0, (size_t)(count), __VA_ARGS__)

__global__ void __launch_bounds__(THREADS)
    sparse_kernel(size_t all, size_t width, const int64_t *start, const int64_t *index, const double *value, int add,
                  const double *x, double *y) {
  const size_t at = own_number(), i = at / width, c = at - i * width;
  if (at >= all) return;
  double sum = add ? y[at] : 0;
  for (int64_t e = start[i]; e < start[i + 1]; e++) {
    const double weight = value ? value[e] : 1;
    sum += weight * x[(size_t)index[e] * width + c];
  }
  y[at] = sum;
}

__global__ void __launch_bounds__(THREADS)
    terms_kernel(size_t all, size_t width, const int64_t *start, const int64_t *index, const double *value,
                 const double *dy, int64_t *acc) {
  const size_t at = own_number(), i = at / width, c = at - i * width;
  if (at >= all) return;
  const double own = dy[at];
  for (int64_t e = start[i]; e < start[i + 1]; e++) {
    const double weight = value ? value[e] : 1;
    const double term = weight * own;
    if (term != 0)
      esp_exact_atomic(WORDS, LSB, acc + ((size_t)index[e] * width + c) * WORDS, term); /* 0 changes no word */
  }
}

/* A thread a row. */
__global__ void __launch_bounds__(THREADS)
    drop_kernel(size_t n, const int64_t *start, const int64_t *index, const double *value, uint64_t seed,
                const int64_t *id, uint32_t first, double p, double *dropped) {
  const size_t i = own_number();
  if (i >= n) return;
  for (int64_t e = start[i]; e < start[i + 1]; e++) {
    const double weight = value ? value[e] : 1;
    dropped[e] = weight * esp_drop_of(seed, id[i], first + (uint32_t)index[e], p);
  }
}

__global__ void __launch_bounds__(THREADS)
    multiple_kernel(size_t count, double a, int add, const double *x, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = add ? y[k] + a * x[k] : a * x[k];
}

__global__ void __launch_bounds__(THREADS) relu_kernel(size_t count, const double *t, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = t[k] < 0 ? 0 : t[k];
}

__global__ void __launch_bounds__(THREADS)
    relu_back_kernel(size_t count, const double *y, const double *dy, double *dt) {
  const size_t k = own_number();
  if (k < count) dt[k] = y[k] > 0 ? dy[k] : 0;
}

__global__ void __launch_bounds__(THREADS)
    average_kernel(size_t all, size_t C, double a, double least, const double *sum, double *y) {
  const size_t at = own_number(), i = at / C, c = at - i * C, row = i * (C + 1);
  if (at < all) y[at] += esp_convolved(a, least, sum[row + c], sum[row + C]);
}

__global__ void __launch_bounds__(THREADS) average_back_kernel(size_t all, size_t C, double a, double least,
                                                               const double *sum, const double *dy, double *dsum) {
  const size_t at = own_number(), wide = C + 1, i = at / wide, c = at - i * wide;
  if (at >= all) return;
  dsum[at] = c < C ? esp_convolved(a, least, dy[i * C + c], sum[i * wide + C])
                   : esp_convolved_weight((int)C, a, least, sum + i * wide, dy + i * C);
}

/* ---- classes ---- */

__device__ __forceinline__ double weight_of(const esp_scored &s, size_t i) {
  return s.weight ? s.weight[i] : 1;
}

/* A thread has SEGMENT rows, neighbours' apart by the stride of all threads. */
__global__ void __launch_bounds__(THREADS) classes_kernel(esp_scored s, const double *y, int64_t *acc) {
  enum { SUMS = 3 };
  const size_t stride = (size_t)gridDim.x * blockDim.x;
  esp_exact_window window[SUMS];
  for (int k = 0; k < SUMS; k++) esp_exact_window_open(&window[k]);
  for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < (size_t)s.n; i += stride) {
    const double *row = y + i * (size_t)s.row + (size_t)s.at, *t = s.targets + i * (size_t)s.width;
    const double weight = weight_of(s, i);
    if (weight == 0 || esp_class_weight(s.width, t) == 0) continue;
    const esp_softmax p = esp_softmax_of(s.width, row);
    esp_exact_window_add(&window[0], WORDS, LSB, acc, weight * esp_entropy_of(&p, s.width, row, t));
    esp_exact_window_add(&window[1], WORDS, LSB, acc + WORDS, weight);
    esp_exact_window_add(&window[2], WORDS, LSB, acc + 2 * WORDS, weight * t[p.first]);
  }
  for (int k = 0; k < SUMS; k++) esp_exact_window_close(&window[k], acc + k * WORDS);
}

/* A thread a row. */
__global__ void __launch_bounds__(THREADS)
    classes_slope_kernel(esp_scored s, const double *y, double a, double over, double *dy) {
  const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, at = i * (size_t)s.row + (size_t)s.at;
  if (i >= (size_t)s.n) return;
  const double *t = s.targets + i * (size_t)s.width, weight = weight_of(s, i), whole = esp_class_weight(s.width, t);
  const int counts = weight != 0 && whole != 0;
  esp_softmax p = {};
  if (counts) p = esp_softmax_of(s.width, y + at);
  const double scale = a * weight / over;
  for (size_t c = 0; c < (size_t)s.width; c++)
    dy[at + c] = counts ? scale * esp_entropy_slope(&p, y[at + c], t[c], whole) : 0;
}

void sparse(int n, int width, const int64_t *start, const int64_t *index, const double *value, int add, const double *x,
            double *y) {
  EACH(sparse_kernel, (size_t)n * (size_t)width, (size_t)width, start, index, value, add, x, y);
}

void sparse_terms(int n, int width, const int64_t *start, const int64_t *index, const double *value, const double *dy,
                  int64_t *acc) {
  EACH(terms_kernel, (size_t)n * (size_t)width, (size_t)width, start, index, value, dy, acc);
}

void sparse_drop(int n, const int64_t *start, const int64_t *index, const double *value, uint64_t seed,
                 const int64_t *id, uint32_t first, double p, double *dropped) {
  EACH(drop_kernel, n, start, index, value, seed, id, first, p, dropped);
}

void multiple(size_t count, double a, int add, const double *x, double *y) {
  EACH(multiple_kernel, count, a, add, x, y);
}

void relu(size_t count, const double *t, double *y) {
  EACH(relu_kernel, count, t, y);
}

void relu_back(size_t count, const double *y, const double *dy, double *dt) {
  EACH(relu_back_kernel, count, y, dy, dt);
}

void average(int n, int C, double a, double least, const double *sum, double *y) {
  EACH(average_kernel, (size_t)n * (size_t)C, (size_t)C, a, least, sum, y);
}

void average_back(int n, int C, double a, double least, const double *sum, const double *dy, double *dsum) {
  EACH(average_back_kernel, (size_t)n * (size_t)(C + 1), (size_t)C, a, least, sum, dy, dsum);
}

void classes(const esp_scored *s, const double *y, int64_t *acc) {
  ESP_START(classes_kernel, esp_parts((size_t)s->n, THREADS * SEGMENT), THREADS, 0, 0, *s, y, acc);
}

void classes_slope(const esp_scored *s, const double *y, double a, double over, double *dy) {
  ESP_START(classes_slope_kernel, esp_parts((size_t)s->n, THREADS), THREADS, 0, 0, *s, y, a, over, dy);
}

}  // namespace

const esp_rows_graph esp_rows_graph_cuda = {sparse,    sparse_terms, sparse_drop,  multiple, relu,
                                            relu_back, average,      average_back, classes,  classes_slope};
