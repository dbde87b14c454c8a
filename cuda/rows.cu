/* What is done with home rows: the bits of net/rows_cpu.c. A thread a number, neighbours side by side: nothing is summed here but
 * what a row brings along, in order, by one thread (carry_back), and a group's rows, in order (carry_out_back). Sums over a
 * row's channels: cuda/rows_heard.cu.
 *
 * Bytes and operations a number: columns, copy 16, 0; zero 8, 0; add, subtract, times, add_columns 24, 1; centre 24, some 25;
 * centre_back_offset 32, some 27; carry 24, 5 (a division); carry_out 32, 3; carry_out_back 40, 4; carry_back 48, 6 (a division);
 * finite 8, 1. */
#include "cuda/inline.h"

#include "base/functions.h"
#include "cuda/dense.h"
#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/rows.h"

namespace {

enum { THREADS = 256, TILE = 1 << 16 };

/* Row and column of the thread's number of [..][wide]; whether it is one of `all`. */
__device__ __forceinline__ bool place(size_t all, int wide, size_t *i, size_t *c) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (at >= all) return false;
  *i = at >> 32 ? at / (size_t)wide : (unsigned)at / (unsigned)wide; /* divisions of 64 bits are slow */
  *c = at - *i * (size_t)wide;
  return true;
}
__device__ __forceinline__ size_t own_number() {
  return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

#define EACH(kernel, count, ...) \
  ESP_START(kernel, esp_parts((size_t)(count), THREADS), THREADS, 0, 0, (size_t)(count), __VA_ARGS__)

/* ---- places, elementwise ---- */

template <int ADD>
__global__ void __launch_bounds__(THREADS) columns_kernel(size_t all, int count, int from_width, int from_first,
                                                          const double *from, int to_width, int to_first, double *to) {
  size_t i, c;
  if (!place(all, count, &i, &c)) return;
  const double value = from[i * (size_t)from_width + (size_t)from_first + c];
  double *at = to + i * (size_t)to_width + (size_t)to_first + c;
  *at = ADD ? *at + value : value;
}

void columns(int n, int count, int from_width, int from_first, const double *from, int to_width, int to_first,
             double *to) {
  EACH(columns_kernel<0>, (size_t)n * (size_t)count, count, from_width, from_first, from, to_width, to_first, to);
}

void add_columns(int n, int count, int from_width, int from_first, const double *from, int to_width, int to_first,
                 double *to) {
  EACH(columns_kernel<1>, (size_t)n * (size_t)count, count, from_width, from_first, from, to_width, to_first, to);
}

int copied(size_t count, const double *x, double *y) {
  if (count) ESP_CUDA(cudaMemcpyAsync(y, x, count * sizeof *y, cudaMemcpyDeviceToDevice, 0));
  return ESP_OK;
}
void copy(size_t count, const double *x, double *y) {
  esp_cuda_remember(copied(count, x, y));
}

int zeroed(size_t count, double *y) {
  if (count) ESP_CUDA(cudaMemsetAsync(y, 0, count * sizeof *y, 0));
  return ESP_OK;
}
void zero(size_t count, double *y) {
  esp_cuda_remember(zeroed(count, y));
}

__global__ void __launch_bounds__(THREADS) add_kernel(size_t count, const double *a, const double *b, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = a[k] + b[k];
}
void add(size_t count, const double *a, const double *b, double *y) {
  EACH(add_kernel, count, a, b, y);
}

__global__ void __launch_bounds__(THREADS) subtract_kernel(size_t count, const double *a, const double *b, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = a[k] - b[k];
}
void subtract(size_t count, const double *a, const double *b, double *y) {
  EACH(subtract_kernel, count, a, b, y);
}

__global__ void __launch_bounds__(THREADS) times_kernel(size_t count, const double *a, const double *b, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = a[k] * b[k];
}
void times(size_t count, const double *a, const double *b, double *y) {
  EACH(times_kernel, count, a, b, y);
}

/* ---- differences from silence ---- */

__global__ void __launch_bounds__(THREADS) centre_kernel(size_t all, int C, const double *offset, double *sum) {
  size_t i, c;
  if (!place(all, C, &i, &c)) return;
  double *row = sum + i * (size_t)(C + 1);
  row[c] -= row[C] * esp_silu64(offset[i * (size_t)C + c]);
}
void centre(int n, int C, const double *offset, double *sum) {
  EACH(centre_kernel, (size_t)n * (size_t)C, C, offset, sum);
}

__global__ void __launch_bounds__(THREADS)
    offset_kernel(size_t all, int C, const double *offset, const double *sum, const double *dsum, double *doffset) {
  size_t i, c;
  if (!place(all, C, &i, &c)) return;
  const size_t row = i * (size_t)(C + 1), at = i * (size_t)C + c;
  doffset[at] -= sum[row + (size_t)C] * (dsum[row + c] * esp_silu_slope64(offset[at]));
}
void centre_back_offset(int n, int C, const double *offset, const double *sum, const double *dsum, double *doffset) {
  EACH(offset_kernel, (size_t)n * (size_t)C, C, offset, sum, dsum, doffset);
}

/* ---- what is carried along ---- */

__global__ void __launch_bounds__(THREADS)
    carry_kernel(size_t all, esp_carriage k, const double *sum, const double *before, double *after) {
  size_t i, f;
  if (!place(all, k.carried, &i, &f)) return;
  const double *num = sum + i * (size_t)k.width + (size_t)k.own;
  const size_t at = i * (size_t)k.carried + f;
  after[at] = (num[f] + k.stay * before[at]) / (num[k.carried] + k.stay);
}
void carry(const esp_carriage *c, int n, const double *sum, const double *before, double *after) {
  EACH(carry_kernel, (size_t)n * (size_t)c->carried, *c, sum, before, after);
}

__global__ void __launch_bounds__(THREADS)
    out_kernel(size_t all, int F, const double *gain, const double *after, const double *start, double *y) {
  size_t i, f;
  if (!place(all, F, &i, &f)) return;
  const size_t at = i * (size_t)F + f;
  y[at] += gain[f] * (after[at] - start[at]);
}
void carry_out(int n, int F, const double *gain, const double *after, const double *start, double *y) {
  EACH(out_kernel, (size_t)n * (size_t)F, F, gain, after, start, y);
}

__global__ void __launch_bounds__(THREADS)
    out_back_kernel(size_t all, int F, const double *gain, const double *dy, double *dr) {
  size_t i, f;
  if (!place(all, F, &i, &f)) return;
  const size_t at = i * (size_t)F + f;
  dr[at] = gain[f] * dy[at];
}

/* Terms of the gains [groups][F], a thread each. */
__global__ void __launch_bounds__(THREADS) out_gain_kernel(size_t all, int F, int n, const double *after,
                                                           const double *start, const double *dy, double *term) {
  size_t g, f;
  if (!place(all, F, &g, &f)) return;
  const size_t wide = (size_t)F, begin = g * ESP_GROUP, left = (size_t)n - begin;
  const size_t end = begin + (left < ESP_GROUP ? left : (size_t)ESP_GROUP);
  double sum = 0;
  for (size_t at = begin * wide + f; at < end * wide; at += wide) sum += dy[at] * (after[at] - start[at]);
  term[g * wide + f] = sum;
}
void carry_out_back(int n, int F, const double *gain, const double *after, const double *start, const double *dy,
                    double *dr, int64_t *gain_acc) {
  const size_t wide = (size_t)F;
  EACH(out_back_kernel, (size_t)n * wide, F, gain, dy, dr);
  esp_cuda_groups(n, wide, [=](size_t begin, int rows, size_t groups, double *term) {
    const size_t at = begin * wide;
    EACH(out_gain_kernel, groups * wide, F, rows, after + at, start + at, dy + at, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term, gain_acc));
  });
}

/* A thread a row: few numbers are carried. */
__global__ void __launch_bounds__(THREADS)
    carry_back_kernel(size_t n, esp_carriage k, const double *sum, const double *after, double *dr, double *dsum) {
  const size_t i = own_number(), F = (size_t)k.carried, at = i * (size_t)k.width + (size_t)k.own;
  if (i >= n) return;
  const double weight = sum[at + F] + k.stay;
  double through = dsum[at + F];
  for (size_t f = 0; f < F; f++) {
    const double part = dr[i * F + f] / weight;
    dsum[at + f] += part;
    through -= part * after[i * F + f];
    dr[i * F + f] = k.stay * part;
  }
  dsum[at + F] = through;
}
void carry_back(const esp_carriage *c, int n, const double *sum, const double *after, double *dr, double *dsum) {
  EACH(carry_back_kernel, n, *c, sum, after, dr, dsum);
}

/* ---- sums ---- */

__global__ void __launch_bounds__(THREADS) bad_kernel(size_t count, const double *y, unsigned long long *least) {
  const size_t k = own_number();
  if (k >= count) return;
  const double value = y[k] - y[k]; /* 0 but of what is not finite */
  if (!(value == 0)) atomicMin(least, (unsigned long long)k);
}

int find(size_t count, const double *y, void **least, int64_t *bad) {
  const size_t size = sizeof *bad;
  ESP_CALL(esp_cuda_reserve(least, size));
  ESP_CUDA(cudaMemsetAsync(*least, 0xff, size, 0)); /* -1; the largest of the unsigned */
  ESP_LAUNCH(bad_kernel, esp_parts(count, THREADS), THREADS, 0, 0, count, y, (unsigned long long *)*least);
  ESP_CUDA(cudaMemcpy(bad, *least, size, cudaMemcpyDeviceToHost));
  return ESP_OK;
}
void finite_rows(size_t count, const double *y, int64_t *bad) {
  void *least = nullptr;
  *bad = -1;
  esp_cuda_remember(find(count, y, &least, bad));
  esp_cuda_free(&least);
}

void exact_carry(const esp_exact_format *format, int64_t *acc, size_t count) {
  esp_cuda_remember(esp_cuda_exact_carry(format, acc, count));
}

void exact_value(const esp_exact_format *format, const int64_t *acc, size_t count, double *y) {
  esp_cuda_remember(esp_cuda_exact_value(format, acc, count, y));
}

}  // namespace

const esp_rows esp_rows_cuda = {TILE,
                                &esp_rows_state_cuda,
                                &esp_rows_graph_cuda,
                                columns,
                                copy,
                                zero,
                                add,
                                subtract,
                                times,
                                add_columns,
                                esp_cuda_add_silu,
                                esp_cuda_hear,
                                esp_cuda_hear_back,
                                centre,
                                esp_cuda_centre_back_sum,
                                centre_back_offset,
                                carry,
                                carry_out,
                                carry_out_back,
                                carry_back,
                                esp_cuda_loss_mean,
                                esp_cuda_loss_squares,
                                esp_cuda_loss_slope,
                                finite_rows,
                                exact_carry,
                                exact_value};
