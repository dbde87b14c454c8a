/* States in fixed point, norms of them, and weights that go with what is said: the bits of net/rows_cpu.c by the formulas of net/norm.h
 * and net/heard.h.
 *
 * Bytes and operations a number: fixed_add 24, 5; fixed_value 16, 2; multiply 16, 1; norm: a thread a row, whose numbers it reads three times, 8
 * operations; norm_back: a thread a row for the way back, one a (group, number) for the terms of gains and offsets, 24 operations; spread 8 and 2, scale 16
 * and 4, its terms 16 and 5, its way back 32 and 8; level: a thread a row, 24 and 4; level_back: a thread a group, 40 and 10; drop 8 and some 100 of integers; weigh 24 and some 60, weigh_back
 * 48 and some 70. */
#include "cuda/inline.h"

#include "net/heard.h"
#include "net/norm.h"

#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/rows.h"

namespace {

enum { THREADS = 256 };

__device__ __forceinline__ size_t own_number() {
  return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

#define EACH(kernel, count, ...) \
  ESP_START(kernel, esp_parts((size_t)(count), THREADS), THREADS, 0, 0, (size_t)(count), __VA_ARGS__)

/* ---- fixed point ---- */

__global__ void __launch_bounds__(THREADS) add_kernel(size_t count, double scale, double sign, const double *o,
                                                      double limit, int64_t *x, unsigned long long *least) {
  const size_t k = own_number();
  int64_t after;
  if (k >= count) return;
  if (esp_fixed_step(scale, sign, o[k], limit, x[k], &after))
    x[k] = after;
  else if (least)
    atomicMin(least, (unsigned long long)k);
}

int add_and_find(size_t count, double scale, double sign, const double *o, double limit, int64_t *x, int64_t *bad,
                 void **least) {
  const size_t size = sizeof *bad;
  ESP_CALL(esp_cuda_reserve(least, size));
  ESP_CUDA(cudaMemsetAsync(*least, 0xff, size, 0)); /* -1; the largest of the unsigned */
  ESP_LAUNCH(add_kernel, esp_parts(count, THREADS), THREADS, 0, 0, count, scale, sign, o, limit, x,
             (unsigned long long *)*least);
  ESP_CUDA(cudaMemcpy(bad, *least, size, cudaMemcpyDeviceToHost));
  return ESP_OK;
}

__global__ void __launch_bounds__(THREADS)
    value_kernel(size_t count, double unit, const int64_t *x, int add, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] = add ? y[k] + (double)x[k] * unit : (double)x[k] * unit;
}

__global__ void __launch_bounds__(THREADS) multiply_kernel(size_t count, double a, double *y) {
  const size_t k = own_number();
  if (k < count) y[k] *= a;
}

/* ---- norm ---- */

__global__ void __launch_bounds__(THREADS)
    norm_kernel(size_t n, int width, const double *gain, const double *bias, const double *s, double *y) {
  const size_t i = own_number(), wide = (size_t)width;
  if (i >= n) return;
  const double *row = s + i * wide;
  double mean, inverse;
  esp_norm_of(width, row, &mean, &inverse);
  for (size_t c = 0; c < wide; c++) y[i * wide + c] = gain[c] * ((row[c] - mean) * inverse) + bias[c];
}

/* Means and inverses of the rows of some groups. */
__global__ void __launch_bounds__(THREADS) shape_kernel(size_t n, int width, const double *s, double *shape) {
  const size_t i = own_number();
  if (i < n) esp_norm_of(width, s + i * (size_t)width, &shape[2 * i], &shape[2 * i + 1]);
}

/* Terms [groups][2 width]: of the gains, then of the offsets. */
__global__ void __launch_bounds__(THREADS) terms_kernel(size_t all, int width, size_t n, const double *shape,
                                                        const double *s, const double *dy, double *term) {
  const size_t at = own_number(), wide = (size_t)width, g = at / wide, c = at % wide, begin = g * ESP_GROUP;
  double gain = 0, bias = 0;
  if (at >= all) return;
  for (size_t i = begin; i < n && i < begin + ESP_GROUP; i++) {
    gain += dy[i * wide + c] * ((s[i * wide + c] - shape[2 * i]) * shape[2 * i + 1]);
    bias += dy[i * wide + c];
  }
  term[g * wide + c] = gain;
  term[(all / wide) * wide + g * wide + c] = bias;
}

__global__ void __launch_bounds__(THREADS)
    back_kernel(size_t n, int width, const double *gain, const double *s, const double *dy, double *ds) {
  const size_t i = own_number(), at = i * (size_t)width;
  if (i < n) esp_norm_back_of(width, gain, s + at, dy + at, ds + at);
}

/* ---- norms over particles: a thread a number; of sums, a (group, number) ---- */

__global__ void __launch_bounds__(THREADS)
    spread_kernel(size_t all, int width, size_t n, const double *mean, const double *s, double *term) {
  const size_t at = own_number(), wide = (size_t)width, c = at % wide, begin = at / wide * ESP_GROUP;
  if (at >= all) return;
  const double middle = mean ? mean[c] : 0;
  double sum = 0;
  for (size_t i = begin; i < n && i < begin + ESP_GROUP; i++) {
    const double d = s[i * wide + c] - middle;
    sum += mean ? d * d : d;
  }
  term[at] = sum;
}

__global__ void __launch_bounds__(THREADS)
    scale_kernel(size_t all, int width, const double *mean, const double *inverse, const double *gain,
                 const double *bias, const double *s, double *y) {
  const size_t at = own_number(), c = at % (size_t)width;
  if (at < all) y[at] = gain[c] * ((s[at] - mean[c]) * inverse[c]) + bias[c];
}

/* Terms [groups][width] of the gains, then of the offsets. */
__global__ void __launch_bounds__(THREADS)
    scale_terms_kernel(size_t all, int width, size_t n, const double *mean, const double *inverse, const double *s,
                       const double *dy, double *term) {
  const size_t number = own_number(), wide = (size_t)width, c = number % wide, begin = number / wide * ESP_GROUP;
  double gain = 0, bias = 0;
  if (number >= all) return;
  for (size_t i = begin; i < n && i < begin + ESP_GROUP; i++) {
    const size_t at = i * wide + c;
    gain += dy[at] * ((s[at] - mean[c]) * inverse[c]);
    bias += dy[at];
  }
  term[number] = gain;
  term[all + number] = bias;
}

__global__ void __launch_bounds__(THREADS)
    scale_back_kernel(size_t all, int width, const double *mean, const double *inverse, const double *gain,
                      const double *first, const double *second, const double *s, const double *dy, double *ds) {
  const size_t at = own_number(), c = at % (size_t)width;
  if (at < all) ds[at] += gain[c] * inverse[c] * (dy[at] - first[c] - (s[at] - mean[c]) * inverse[c] * second[c]);
}

__global__ void __launch_bounds__(THREADS)
    level_kernel(size_t n, int own, int state, const double *gain, double *joint) {
  const size_t i = own_number();
  if (i >= n) return;
  double *row = joint + i * (size_t)(own + state);
  const double by = *gain * (esp_length_of(state, row + own) / esp_length_of(own, row));
  for (int c = 0; c < own; c++) row[c] *= by;
}

/* A thread a group: its rows in order. */
__global__ void __launch_bounds__(THREADS)
    level_back_kernel(size_t groups, int own, int state, int wide, size_t n, const double *gain, const double *A,
                      const double *s, double *djoint, double *term) {
  const size_t g = own_number(), begin = g * ESP_GROUP;
  double sum = 0;
  if (g >= groups) return;
  for (size_t i = begin; i < n && i < begin + ESP_GROUP; i++)
    sum += esp_level_back_of(own, state, wide > own, *gain, A + i * (size_t)own, s + i * (size_t)state,
                             djoint + i * (size_t)wide);
  term[g] = sum;
}

__global__ void __launch_bounds__(THREADS)
    drop_kernel(size_t all, int width, uint64_t seed, const int64_t *id, uint32_t first, double p, double *mask) {
  const size_t at = own_number(), wide = (size_t)width;
  if (at < all) mask[at] = esp_drop_of(seed, id[at / wide], first + (uint32_t)(at % wide), p);
}

/* ---- weights that go with values ---- */

__global__ void __launch_bounds__(THREADS)
    weigh_kernel(size_t all, int C, const double *beta, const double *v, double *said) {
  const size_t at = own_number(), wide = (size_t)C, i = at / wide, c = at % wide;
  double slope;
  if (at >= all) return;
  const double weight = esp_softmax_weight(beta[c] * v[at], &slope);
  said[2 * i * wide + c] = weight * v[at];
  said[(2 * i + 1) * wide + c] = weight;
}

/* A thread a (group, number): its rows in order. */
__global__ void __launch_bounds__(THREADS)
    weigh_back_kernel(size_t all, int C, size_t n, const double *beta, const double *v, const double *dsaid, double *dv,
                      double *term) {
  const size_t at = own_number(), wide = (size_t)C, g = at / wide, c = at % wide, begin = g * ESP_GROUP;
  double sum = 0;
  if (at >= all) return;
  for (size_t i = begin; i < n && i < begin + ESP_GROUP; i++) {
    const double *d = dsaid + 2 * i * wide;
    dv[i * wide + c] = esp_softmax_back(beta[c], v[i * wide + c], d[c], d[wide + c], &sum);
  }
  term[at] = sum;
}

void spread(int n, int width, const double *mean, const double *s, int64_t *acc) {
  const size_t wide = (size_t)width;
  esp_cuda_groups(n, wide, [=](size_t begin, int rows, size_t groups, double *term) {
    EACH(spread_kernel, groups * wide, width, (size_t)rows, mean, s + begin * wide, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term, acc));
  });
}

void scale(int n, int width, const double *mean, const double *inverse, const double *gain, const double *bias,
           const double *s, double *y) {
  EACH(scale_kernel, (size_t)n * (size_t)width, width, mean, inverse, gain, bias, s, y);
}

void scale_terms(int n, int width, const double *mean, const double *inverse, const double *s, const double *dy,
                 int64_t *gain_acc, int64_t *bias_acc) {
  const size_t wide = (size_t)width;
  esp_cuda_groups(n, 2 * wide, [=](size_t begin, int rows, size_t groups, double *term) {
    const size_t at = begin * wide;
    EACH(scale_terms_kernel, groups * wide, width, (size_t)rows, mean, inverse, s + at, dy + at, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term, gain_acc));
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term + groups * wide, bias_acc));
  });
}

void scale_back(int n, int width, const double *mean, const double *inverse, const double *gain, const double *first,
                const double *second, const double *s, const double *dy, double *ds) {
  EACH(scale_back_kernel, (size_t)n * (size_t)width, width, mean, inverse, gain, first, second, s, dy, ds);
}

void level(int n, int own, int state, const double *gain, double *joint) {
  EACH(level_kernel, n, own, state, gain, joint);
}

void level_back(int n, int own, int state, int wide, const double *gain, const double *A, const double *s,
                double *djoint, int64_t *gain_acc) {
  esp_cuda_groups(n, 1, [=](size_t begin, int rows, size_t groups, double *term) {
    EACH(level_back_kernel, groups, own, state, wide, (size_t)rows, gain, A + begin * (size_t)own,
         s + begin * (size_t)state, djoint + begin * (size_t)wide, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, 1, term, gain_acc));
  });
}

void drop(int n, int width, uint64_t seed, const int64_t *id, uint32_t first, double p, double *mask) {
  EACH(drop_kernel, (size_t)n * (size_t)width, width, seed, id, first, p, mask);
}

void weigh(int n, int C, const double *beta, const double *v, double *said) {
  EACH(weigh_kernel, (size_t)n * (size_t)C, C, beta, v, said);
}

void weigh_back(int n, int C, const double *beta, const double *v, const double *dsaid, double *dv, int64_t *beta_acc) {
  const size_t wide = (size_t)C;
  esp_cuda_groups(n, wide, [=](size_t begin, int rows, size_t groups, double *term) {
    const size_t at = begin * wide;
    EACH(weigh_back_kernel, groups * wide, C, (size_t)rows, beta, v + at, dsaid + 2 * at, dv + at, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term, beta_acc));
  });
}

void fixed_add(size_t count, int bits, double sign, const double *o, double limit, int64_t *x, int64_t *bad) {
  const double scale = ldexp(1, bits);
  void *least = nullptr;
  if (bad) *bad = -1;
  if (!count) return;
  if (bad) {
    esp_cuda_remember(add_and_find(count, scale, sign, o, limit, x, bad, &least));
    esp_cuda_free(&least);
  } else {
    EACH(add_kernel, count, scale, sign, o, limit, x, (unsigned long long *)nullptr);
  }
}

void fixed_value(size_t count, int bits, const int64_t *x, int add, double *y) {
  EACH(value_kernel, count, ldexp(1, -bits), x, add, y);
}

void multiply(size_t count, double a, double *y) {
  EACH(multiply_kernel, count, a, y);
}

void norm(int n, int width, const double *gain, const double *bias, const double *s, double *y) {
  EACH(norm_kernel, n, width, gain, bias, s, y);
}

void norm_back(int n, int width, const double *gain, const double *s, const double *dy, double *ds, int64_t *gain_acc,
               int64_t *bias_acc) {
  const size_t wide = (size_t)width;
  void *shape = nullptr;
  const int rc = n ? esp_cuda_reserve(&shape, 2 * (size_t)n * sizeof(double)) : ESP_OK;
  esp_cuda_remember(rc);
  if (!n || rc) return;
  EACH(shape_kernel, n, width, s, (double *)shape);
  esp_cuda_groups(n, 2 * wide, [=](size_t begin, int rows, size_t groups, double *term) {
    const size_t at = begin * wide;
    EACH(terms_kernel, groups * wide, width, (size_t)rows, (const double *)shape + 2 * begin, s + at, dy + at, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term, gain_acc));
    esp_cuda_remember(esp_cuda_exact_add(groups, wide, term + groups * wide, bias_acc));
  });
  EACH(back_kernel, n, width, gain, s, dy, ds);
  esp_cuda_free(&shape);
}

}  // namespace

const esp_rows_state esp_rows_state_cuda = {fixed_add,  fixed_value, multiply,    norm,       norm_back,
                                            spread,     scale,       scale_terms, scale_back, level,
                                            level_back, drop,        weigh,       weigh_back};
