/* Dense layers: the bits of net/dense.c.
 *
 * Order. y = (0 or y) (+ bias), then + x_k W_k for k = 0, 1, ...: each product rounded, each sum rounded, nothing fused, nothing
 * added for what is not there. A gradient: from 0, the rows of a group in order; then one exact term a (group, number).
 *
 * Products. A block has a tile of ROWS x COLUMNS numbers, a thread R x C of them in registers; both sides come DEEP terms at a
 * time through shared memory, the next ones into registers meanwhile. Three shapes: 64 x 64, 128 x 16 and 128 x 4, so that few
 * columns do not waste lanes. A number and term: 1 product and 1 sum of float64, (R + C) / (R C) loads from shared memory;
 * n x (in ceil(out / COLUMNS) + out) x 8 bytes of memory but for W, which stays in the cache: with 64 x 64 numbers 8192
 * operations and 1 KiB a row, so the rate of float64 without fma binds (half of the machine's).
 *
 * Gradients. As products of a group's rows, whose sums [groups][numbers] go through a buffer that fits the second cache
 * (cuda/groups.cuh); from it they are added as exact terms (cuda/exact.cu): where there are many groups less than one atomic in ten
 * terms, and 16 bytes of the cache a term. */
#include "cuda/inline.h"

#include "cuda/dense.h"
#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "base/functions.h"

namespace {

enum { THREADS = 256, DEEP = 16 };

template <int ROWS_EACH, int COLUMNS_EACH, int ACROSS>
struct shape {
  enum {
    R = ROWS_EACH,
    C = COLUMNS_EACH,
    across = ACROSS,
    down = THREADS / ACROSS,
    rows = R * down,
    columns = C * across,
    bytes = DEEP * (rows + 1 + columns + 1) * 8 /* of shared memory */
  };
};
typedef shape<4, 4, 16> square;
typedef shape<4, 2, 8> narrow;
typedef shape<1, 2, 2> slim;

/* Lines [0, lines) of one side of a product, `deep` terms each. */
struct side {
  const double *at;
  size_t line, term; /* strides */
  int lines, deep;
};

/* DEEP terms of L lines from `first` on, each thread some of them; SILU: silu of them. */
template <int L, int SILU>
struct batch {
  enum { EACH = (L * DEEP + THREADS - 1) / THREADS };
  double value[EACH];

  static __device__ __forceinline__ void place(const side &s, int j, int *line, int *k) {
    const int e = (int)threadIdx.x + THREADS * j;
    *k = s.term == 1 ? e % DEEP : e / L; /* what lies side by side, by threads side by side */
    *line = s.term == 1 ? e / DEEP : e % L;
  }
  __device__ __forceinline__ void fetch(const side &s, size_t first, int begin) {
#pragma unroll
    for (int j = 0; j < EACH; j++) {
      int line, k;
      place(s, j, &line, &k);
      const int there = line < L && k < DEEP && first + (size_t)line < (size_t)s.lines && begin + k < s.deep;
      value[j] = there ? s.at[(first + (size_t)line) * s.line + (size_t)(begin + k) * s.term] : 0;
      if (SILU) value[j] = esp_silu64(value[j]);
    }
  }
  __device__ __forceinline__ void store(const side &s, double *to) const {
#pragma unroll
    for (int j = 0; j < EACH; j++) {
      int line, k;
      place(s, j, &line, &k);
      if (line < L && k < DEEP) to[k * (L + 1) + line] = value[j];
    }
  }
};

/* sum += a tile's terms, in order. */
template <class S, int SILU>
__device__ void product(const side &left, size_t row, const side &right, size_t column, double sum[S::R][S::C]) {
  ESP_SHARED(double, memory);
  double *const a = memory, *const b = memory + DEEP * (S::rows + 1);
  const double *const x = a + (int)threadIdx.x / S::across, *const w = b + (int)threadIdx.x % S::across;
  batch<S::rows, SILU> next_a;
  batch<S::columns, 0> next_b;
  const auto step = [&](int k) {
    double each[S::R], by[S::C];
#pragma unroll
    for (int r = 0; r < S::R; r++) each[r] = x[k * (S::rows + 1) + r * S::down];
#pragma unroll
    for (int c = 0; c < S::C; c++) by[c] = w[k * (S::columns + 1) + c * S::across];
#pragma unroll
    for (int r = 0; r < S::R; r++)
#pragma unroll
      for (int c = 0; c < S::C; c++) sum[r][c] += each[r] * by[c];
  };
  next_a.fetch(left, row, 0);
  next_b.fetch(right, column, 0);
  for (int k = 0; k < left.deep; k += DEEP) {
    next_a.store(left, a);
    next_b.store(right, b);
    __syncthreads();
    next_a.fetch(left, row, k + DEEP);
    next_b.fetch(right, column, k + DEEP);
    const int now = left.deep - k;
    if (now >= DEEP) {
#pragma unroll
      for (int e = 0; e < DEEP; e++) step(e);
    } else {
      for (int e = 0; e < now; e++) step(e);
    }
    __syncthreads();
  }
}

/* what(row, column, number of the tile) of those of this thread that are there. */
template <class S, class What>
__device__ __forceinline__ void each_of(size_t row, size_t rows, size_t column, size_t columns, double sum[S::R][S::C],
                                        What what) {
#pragma unroll
  for (int r = 0; r < S::R; r++)
#pragma unroll
    for (int c = 0; c < S::C; c++) {
      const size_t i = row + threadIdx.x / S::across + (size_t)(r * S::down);
      const size_t l = column + threadIdx.x % S::across + (size_t)(c * S::across);
      if (i < rows && l < columns) what(i, l, sum[r][c]);
    }
}

/* y [n][wide] = x [n][deep] M (+ bias) (added to y if `add`), M [k * term + c * column]; SILU: of silu(x). */
template <class S, int SILU>
__global__ void __launch_bounds__(THREADS, 2)
    product_kernel(int n, int deep, int wide, const double *M, size_t term, size_t column, const double *bias, int add,
                   const double *x, double *y) {
  const size_t rows = (size_t)n, columns = (size_t)wide;
  const size_t row = (size_t)blockIdx.x * S::rows, first = (size_t)blockIdx.y * S::columns;
  const side left = {x, (size_t)deep, 1, n, deep}, right = {M, column, term, wide, deep};
  double sum[S::R][S::C] = {};
  each_of<S>(row, rows, first, columns, sum, [&](size_t i, size_t c, double &to) {
    to = add ? y[i * columns + c] : 0;
    if (bias) to = to + bias[c];
  });
  product<S, SILU>(left, row, right, first, sum);
  each_of<S>(row, rows, first, columns, sum, [&](size_t i, size_t c, double &from) { y[i * columns + c] = from; });
}

/* Rows [begin, n): sums [groups][in * out], number left_step l + right_step r of a group. One of the sides is x, one dy. */
template <class S>
__global__ void __launch_bounds__(THREADS, 2)
    group_kernel(int n, int left_wide, const double *left, size_t left_step, int right_wide, const double *right,
                 size_t right_step, double *sums) {
  const size_t begin = (size_t)blockIdx.x * ESP_GROUP, l = (size_t)left_wide, r = (size_t)right_wide;
  const size_t row = (size_t)blockIdx.y * S::rows, column = (size_t)blockIdx.z * S::columns;
  const int rows = (size_t)n - begin < ESP_GROUP ? (int)((size_t)n - begin) : (int)ESP_GROUP;
  double sum[S::R][S::C] = {}, *to = sums + (size_t)blockIdx.x * l * r;
  const side a = {left + begin * l, 1, l, left_wide, rows}, b = {right + begin * r, 1, r, right_wide, rows};
  product<S, 0>(a, row, b, column, sum);
  each_of<S>(row, l, column, r, sum,
             [&](size_t i, size_t c, double &from) { to[i * left_step + c * right_step] = from; });
}

/* Of dy alone: sums [groups][out]. */
__global__ void __launch_bounds__(THREADS) bias_kernel(int n, int out, const double *dy, double *sums) {
  const size_t wide = (size_t)out, at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, group = at / wide, o = at % wide;
  const size_t begin = group * ESP_GROUP;
  if (begin >= (size_t)n) return;
  const size_t end = (size_t)n - begin < ESP_GROUP ? (size_t)n : begin + ESP_GROUP;
  double sum = 0;
  for (size_t r = begin; r < end; r++) sum += dy[r * wide + o];
  sums[at] = sum;
}

template <class S, int SILU>
void start_product(int n, int deep, int wide, const double *M, size_t term, size_t column, const double *bias, int add,
                   const double *x, double *y) {
  const dim3 grid(esp_parts((size_t)n, S::rows), esp_parts((size_t)wide, S::columns));
  ESP_START((product_kernel<S, SILU>), grid, THREADS, S::bytes, 0, n, deep, wide, M, term, column, bias, add, x, y);
}

template <int SILU>
void any_product(int n, int deep, int wide, const double *M, size_t term, size_t column, const double *bias, int add,
                 const double *x, double *y) {
  const auto start = wide > narrow::columns ? start_product<square, SILU>
                     : wide > slim::columns ? start_product<narrow, SILU>
                                            : start_product<slim, SILU>;
  start(n, deep, wide, M, term, column, bias, add, x, y);
}

void forward(int n, int in, int out, const double *W, const double *bias, int add, const double *x, double *y) {
  any_product<0>(n, in, out, W, 1, (size_t)in, bias, add, x, y);
}

void backward(int n, int in, int out, const double *W, int add, const double *dy, double *dx) {
  any_product<0>(n, out, in, W, (size_t)in, 1, nullptr, add, dy, dx);
}

template <class S>
void start_group(int n, int left_wide, const double *left, size_t left_step, int right_wide, const double *right,
                 size_t right_step, double *sums) {
  const dim3 grid(esp_parts((size_t)n, ESP_GROUP), esp_parts((size_t)left_wide, S::rows),
                  esp_parts((size_t)right_wide, S::columns));
  ESP_START(group_kernel<S>, grid, THREADS, S::bytes, 0, n, left_wide, left, left_step, right_wide, right, right_step,
            sums);
}

/* The wider side is the left one. */
void groups_of(int n, int in, int out, const double *x, const double *dy, double *sums) {
  const int least = in < out ? in : out;
  const auto start = least > narrow::columns ? start_group<square>
                     : least > slim::columns ? start_group<narrow>
                                             : start_group<slim>;
  if (in < out)
    start(n, out, dy, (size_t)in, in, x, 1, sums);
  else
    start(n, in, x, 1, out, dy, (size_t)in, sums);
}

void gradient(int n, int in, int out, const double *x, const double *dy, int64_t *acc, int64_t *bias_acc) {
  const size_t wide_in = (size_t)in, wide_out = (size_t)out, plain = wide_in * wide_out;
  const size_t numbers = plain + (bias_acc ? wide_out : 0);
  esp_cuda_groups(n, numbers, [=](size_t begin, int rows, size_t groups, double *sums) {
    const double *by = dy + begin * wide_out;
    double *bias = sums + groups * plain;
    groups_of(rows, in, out, x + begin * wide_in, by, sums);
    esp_cuda_remember(esp_cuda_exact_add(groups, plain, sums, acc));
    if (!bias_acc) return;
    ESP_START(bias_kernel, esp_parts(groups * wide_out, THREADS), THREADS, 0, 0, rows, out, by, bias);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide_out, bias, bias_acc));
  });
}

/* ---- elementwise: 16 bytes a number, silu_back and silu_both 24; some 45 operations, 2 of them divisions ---- */

__global__ void silu_kernel(size_t count, const double *t, double *y) {
  const size_t k = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (k < count) y[k] = esp_silu64(t[k]);
}

__global__ void silu_back_kernel(size_t count, const double *t, const double *dy, double *dt) {
  const size_t k = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (k < count) dt[k] = dy[k] * esp_silu_slope64(t[k]);
}

__global__ void silu_both_kernel(size_t count, const double *t, double *y, double *slope) {
  const size_t k = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (k >= count) return;
  const double x = t[k], below = 1 + esp_exp64(-x), s = 1 / below;
  y[k] = x / below;
  slope[k] = s * (1 + x * (1 - s));
}

void silu(size_t count, const double *t, double *y) {
  ESP_START(silu_kernel, esp_parts(count, THREADS), THREADS, 0, 0, count, t, y);
}

void silu_back(size_t count, const double *t, const double *dy, double *dt) {
  ESP_START(silu_back_kernel, esp_parts(count, THREADS), THREADS, 0, 0, count, t, dy, dt);
}

void silu_both(size_t count, const double *t, double *y, double *slope) {
  ESP_START(silu_both_kernel, esp_parts(count, THREADS), THREADS, 0, 0, count, t, y, slope);
}

}  // namespace

void esp_cuda_add_silu(int n, int in, int out, const double *W, const double *t, double *y) {
  any_product<1>(n, in, out, W, 1, (size_t)in, nullptr, 1, t, y);
}

const esp_dense esp_dense_cuda = {forward, backward, gradient, silu, silu_back, silu_both};
