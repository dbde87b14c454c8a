/* What a receiver makes of what it heard, and sums over a row's channels: the bits of net/aggregate_*.c and net/rows_cpu.c.
 *
 * Order. dden: 0, then - dnum_c A_c for c = 0, 1, ...; the gain's term of a group: 0, then + djoint_c A_c, row after row; a
 * row's part of silence: 0, then + d_c silu(u_c). They run as lines (cuda/lines.cuh).
 *
 * Bytes and operations a channel of a row: hear 16 and 2 (average: a division more); hear_back 24 and 3 (2 divisions more), the
 * gain 16 and 3 (a division more); silence 16 and some 25. */
#include "cuda/inline.h"

#include "base/functions.h"
#include "cuda/groups.cuh"
#include "cuda/lines.cuh"
#include "cuda/rows.h"
#include "net/heard.h"

extern "C" {
#include "net/aggregate.h"
}

namespace {

enum { THREADS = 256 };

enum { SUM, AVERAGE, SOFTMAX };

/* A of channel c of a row of sums. */
template <int KIND>
__device__ __forceinline__ double heard(const esp_heard &h, const double *row, int c) {
  return KIND == SUM ? row[c] : esp_average_of(row[c], row[KIND == AVERAGE ? h.channels : h.own + c]);
}

template <int KIND>
__global__ void __launch_bounds__(THREADS) hear_kernel(esp_heard h, size_t all, int state, const double *gain,
                                                       const double *sum, const double *s, double *joint) {
  const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x, wide = (size_t)(h.own + state), i = at / wide;
  const int c = (int)(at - i * wide);
  if (at >= all) return;
  joint[at] =
      c < h.own ? *gain * heard<KIND>(h, sum + i * (size_t)h.width, c) : s[i * (size_t)state + (size_t)(c - h.own)];
}

/* dsum. */
template <int KIND>
__global__ void __launch_bounds__(ESP_LINE_THREADS) back_kernel(esp_heard h, size_t n, int wide, const double *gain,
                                                                const double *sum, const double *djoint, double *dsum) {
  const double a = *gain;
  esp_lines_sum((size_t)blockIdx.x * ESP_LINES, n, [&](size_t) { return h.channels; },
                [&](size_t i, int c) -> double {
                  const double *row = sum + i * (size_t)h.width;
                  const double dA = c < h.own ? a * djoint[i * (size_t)wide + (size_t)c] : 0;
                  double dden = 0, *to = dsum + i * (size_t)h.width + (size_t)c;
                  if (KIND == SUM) *to = dA;
                  if (KIND == AVERAGE) *to = esp_average_back(heard<KIND>(h, row, c), row[h.channels], dA, &dden);
                  if (KIND == SOFTMAX && c < h.own) {
                    double dweight = 0; /* of the weights behind */
                    *to = esp_average_back(heard<KIND>(h, row, c), row[h.own + c], dA, &dweight);
                    to[h.own] = dweight;
                  }
                  return dden;
                },
                [&](size_t i, double dden) {
                  if (h.width > h.channels) dsum[i * (size_t)h.width + (size_t)h.channels] = dden;
                });
}

/* Terms of the gain [groups]. */
template <int KIND>
__global__ void __launch_bounds__(ESP_LINE_THREADS)
    gain_kernel(esp_heard h, int n, size_t groups, int wide, const double *sum, const double *djoint, double *term) {
  esp_lines_sum((size_t)blockIdx.x * ESP_LINES, groups,
                [&](size_t g) {
                  const size_t left = (size_t)n - g * ESP_GROUP;
                  return (int)(left < ESP_GROUP ? left : (size_t)ESP_GROUP) * h.own;
                },
                [&](size_t g, int k) {
                  const size_t i = g * ESP_GROUP + (size_t)(k / h.own), c = (size_t)(k % h.own);
                  return djoint[i * (size_t)wide + c] * heard<KIND>(h, sum + i * (size_t)h.width, (int)c);
                },
                [&](size_t g, double all) { term[g] = all; });
}

/* A row's weight loses what of its gradient goes through silence. */
__global__ void __launch_bounds__(ESP_LINE_THREADS)
    silence_kernel(size_t n, int C, const double *offset, double *dsum) {
  const size_t wide = (size_t)C;
  esp_lines_sum(
      (size_t)blockIdx.x * ESP_LINES, n, [&](size_t) { return C; },
      [&](size_t i, int c) { return dsum[i * (wide + 1) + (size_t)c] * esp_silu64(offset[i * wide + (size_t)c]); },
      [&](size_t i, double part) { dsum[i * (wide + 1) + wide] -= part; });
}

template <int KIND>
void hear_back(const esp_heard *h, int n, int wide, const double *gain, const double *sum, const double *djoint,
               double *dsum, int64_t *gain_acc) {
  ESP_START(back_kernel<KIND>, esp_parts((size_t)n, ESP_LINES), ESP_LINE_THREADS, ESP_LINE_BYTES, 0, *h, (size_t)n,
            wide, gain, sum, djoint, dsum);
  esp_cuda_groups(n, 1, [=](size_t begin, int rows, size_t groups, double *term) {
    ESP_START(gain_kernel<KIND>, esp_parts(groups, ESP_LINES), ESP_LINE_THREADS, ESP_LINE_BYTES, 0, *h, rows, groups,
              wide, sum + begin * (size_t)h->width, djoint + begin * (size_t)wide, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, 1, term, gain_acc));
  });
}

/* Which of them it is; -1: none, which is kept as a failure. */
int kind_of(const esp_heard *h) {
  const esp_aggregate *const known[] = {&esp_aggregate_sum, &esp_aggregate_average, &esp_aggregate_softmax};
  for (int k = 0; k < 3; k++)
    if (esp_aggregates[h->aggregate] == known[k]) return k;
  esp_cuda_remember(
      ESP_FAIL(ESP_ERR_INTERNAL, "a device does not know the aggregate %s", esp_aggregate_name(h->aggregate)));
  return -1;
}

}  // namespace

void esp_cuda_hear(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *s,
                   double *joint) {
  const size_t all = (size_t)n * (size_t)(h->own + state);
  const int kind = kind_of(h);
  if (kind < 0) return;
  const auto kernel = kind == SUM ? hear_kernel<SUM> : kind == AVERAGE ? hear_kernel<AVERAGE> : hear_kernel<SOFTMAX>;
  ESP_START(kernel, esp_parts(all, THREADS), THREADS, 0, 0, *h, all, state, gain, sum, s, joint);
}

void esp_cuda_hear_back(const esp_heard *h, int n, int state, const double *gain, const double *sum,
                        const double *djoint, double *dsum, double *ds, int64_t *gain_acc) {
  const int wide = h->own + (ds ? state : 0);
  const int kind = kind_of(h);
  if (kind < 0) return;
  const auto back = kind == SUM ? hear_back<SUM> : kind == AVERAGE ? hear_back<AVERAGE> : hear_back<SOFTMAX>;
  back(h, n, wide, gain, sum, djoint, dsum, gain_acc);
  if (ds) esp_rows_cuda.add_columns(n, state, wide, h->own, djoint, state, 0, ds);
}

void esp_cuda_centre_back_sum(int n, int C, const double *offset, double *dsum) {
  ESP_START(silence_kernel, esp_parts((size_t)n, ESP_LINES), ESP_LINE_THREADS, ESP_LINE_BYTES, 0, (size_t)n, C, offset,
            dsum);
}
