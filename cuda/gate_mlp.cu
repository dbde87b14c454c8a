#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/gate_lane.cuh"
#include "message/pairs/gate_mlp.h"

namespace {

/* What a thread has of its particle, of at most MOST channels. */
template <int MOST>
struct lane {
  float x[ESP_CUDA_DIM], offset[MOST]; /* u or w */
};

template <int MOST>
__device__ void lane_load(const esp_cuda_gate &p, const room &r, int live, const double *row, lane<MOST> *t) {
  for (int a = 0; a < p.dim; a++) t->x[a] = r.x[a * (int)blockDim.x + (int)threadIdx.x];
  for (int c = 0; c < p.channels; c++) t->offset[c] = live ? (float)row[p.dim + c] : 0.0f;
  for (int c = threadIdx.x; c < p.channels; c += blockDim.x) {
    const double *w3 = p.param + 1 + ESP_CUDA_GATE_EDGE * c;
    r.edge[c] = (float)(ESP_LN2 * w3[0]);
    r.edge[p.channels + c] = (float)w3[0];
    r.edge[2 * p.channels + c] = (float)w3[1];
  }
  __syncthreads();
}

/* Of a cell: one sender of its mean. */
__device__ float cell_number(const esp_cuda_gate &p, const room &r, const double *cell, int n) {
  const double count = cell[p.channels];
  if (n < p.dim) return (float)place(p, r, cell + p.channels + 1, 1 / count, n);
  return n < p.dim + p.channels ? (float)(cell[n - p.dim] / count) : (float)count;
}

/* Near senders, then far cells: meet(y, how many of the four there are, of cells the number of the first in the stream, else -1);
 * begin and end of a chunk. */
template <class Begin, class Meet, class End>
__device__ void lists_meet(const esp_cuda_gate &p, const room &r, int block, Begin begin, Meet meet, End end) {
  const auto flush = [&](int filled, int cells) {
    const auto number = [&](int slot, int n) {
      return cells ? cell_number(p, r, p.cell + (size_t)slot * p.cell_row, n)
                   : row_number(p, r, p.source + (size_t)slot * p.source_row, p.source_row, n);
    };
    begin();
    stream_meet(r, filled, p.dim + p.channels + 1, number,
                [&](const float *y, int j) { meet(y, min(filled - j, (int)ESP_GATE_AT_ONCE), cells ? j : -1); });
    end();
  };
  stream_near(p, r, block, [&](int filled) { flush(filled, 0); });
  int filled = 0;
  const int64_t last = p.lists.far_start[block + 1];
  for (int64_t first = p.lists.far_start[block]; first < last; first += blockDim.x) {
    int hears = 0, row = -1;
    if (first + threadIdx.x < last) {
      row = p.lists.far[first + threadIdx.x].first;
      const double *cell = p.cell + (size_t)row * p.cell_row, count = cell[p.channels];
      hears = count > 0 && heard(p, r, cell + p.channels + 1, 1 / count);
    }
    filled = stream_put(r, filled, hears, row, first + blockDim.x >= last, [&](int count) { flush(count, 1); });
  }
}

template <int MOST>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1) forward_kernel(esp_cuda_gate p, const int *block, double *to) {
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], C = p.channels, W = p.width, i = (int)threadIdx.x, d = p.dim;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return; /* all of them */
  lane<MOST> t;
  float acc[MOST + 1];
  double sum[MOST + 1];
  load(p, r, own, p.query, p.query_row);
  lane_load(p, r, i < own.count, p.query + (size_t)(own.first + i) * p.query_row, &t);
  for (int c = 0; c < W; c++) sum[c] = 0;
  lists_meet(
      p, r, b,
      [&]() {
        for (int c = 0; c < W; c++) acc[c] = 0;
      },
      [&](const float *y, int there, int) {
        float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE];
        edges<0>(d, y, t.x, r2, G);
#pragma unroll
        for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
          const float *offset = y + d * ESP_GATE_AT_ONCE + e, n = offset[C * ESP_GATE_AT_ONCE];
          if (e >= there) continue;
          for (int c = 0; c < C; c++)
            acc[c] = esp_gate_mlp_say(n, G[e],
                                      esp_gate_mlp_input(t.offset[c], offset[c * ESP_GATE_AT_ONCE], r.edge[c], r2[e],
                                                         r.edge[2 * C + c], G[e]),
                                      acc[c]);
          if (W > C) acc[C] = fmaf(n, G[e], acc[C]);
        }
      },
      [&]() {
        for (int c = 0; c < W; c++) sum[c] += (double)acc[c];
      });
  for (int c = 0; c < W && i < own.count; c++) to[(size_t)(own.first + i) * W + c] = sum[c];
}

/* Sums over lanes of the first `count` rows of fold, to places from `first` on. */
__device__ void fold_close(const room &r, int lanes, int count, int first, int64_t *acc) {
  const int threads = (int)blockDim.x;
  for (int from = 0; from < ESP_LANE * count; from += threads) {
    const int at = from + (int)threadIdx.x, f = min(at / ESP_LANE, count - 1);
    const double term =
        lanes_total(lanes, at % ESP_LANE, [&](float sum, int l) { return sum + r.fold[f * threads + l]; });
    if (at % ESP_LANE == 0 && at < ESP_LANE * count) cell_term(acc, first + f, term);
  }
}

/* dLoss/dkey of a cell, entry y, which all lanes add to: fold row 0 is their P. */
__device__ void cell_key_close(const esp_cuda_gate &p, const room &r, int lanes, const float *y, int64_t *acc) {
  const int threads = (int)blockDim.x;
  for (int from = 0; from < ESP_LANE * p.dim; from += threads) {
    const int at = from + (int)threadIdx.x, a = min(at / ESP_LANE, p.dim - 1);
    const double term = lanes_total(lanes, at % ESP_LANE, [&](float sum, int l) {
      return esp_gate_move(r.fold[l], r.x[a * threads + l], y[a * ESP_GATE_AT_ONCE], sum);
    });
    if (at % ESP_LANE == 0 && at < ESP_LANE * p.dim) cell_term(acc, p.adjoint - p.dim + a, p.slope * term);
  }
}

/* One entry of the backward pass: returns P. sums [3][MOST]: du, sums of dt r2, of dt G. cell: its adjoint, of cells. */
template <int MOST>
__device__ float pair_receivers(const esp_cuda_gate &p, const room &r, int lanes, const float *y, float r2, float G,
                                const lane<MOST> &t, const float *value, float (*sums)[MOST], int64_t *cell) {
  const int C = p.channels, threads = (int)blockDim.x, i = (int)threadIdx.x;
  const float *offset = y + p.dim * ESP_GATE_AT_ONCE, n = offset[C * ESP_GATE_AT_ONCE];
  float pull = p.width > C ? n * G * value[C] : 0;
  for (int c = 0; c < C; c++) {
    const float w3_1 = r.edge[2 * C + c];
    const float input = esp_gate_mlp_input(t.offset[c], offset[c * ESP_GATE_AT_ONCE], r.edge[c], r2, w3_1, G);
    const float dt = esp_gate_mlp_slope(input, G, n * value[c], r.edge[C + c], w3_1, &pull);
    sums[0][c] += dt;
    sums[1][c] = fmaf(dt, r2, sums[1][c]);
    sums[2][c] = fmaf(dt, G, sums[2][c]);
    if (!cell) continue;
    const int f = c % FOLD;
    r.fold[f * threads + i] = dt;
    if (f + 1 < FOLD && c + 1 < C) continue;
    __syncthreads();
    fold_close(r, lanes, f + 1, c - f, cell);
    __syncthreads();
  }
  if (!cell) return pull;
  r.fold[i] = pull;
  __syncthreads();
  cell_key_close(p, r, lanes, y, cell);
  __syncthreads();
  return pull;
}

/* The block's gradients by ln s and W3: one float64 term each. */
template <int MOST>
__device__ void param_add(const esp_cuda_gate &p, const room &r, int count, double rate, const double (*sums)[MOST],
                          int64_t *param_acc) {
  const double scale = 2 * ESP_LN2 * row_total(r, count, rate);
  if (threadIdx.x == 0) param_term(param_acc, 0, scale);
  for (int c = 0; c < p.channels; c++)
    for (int f = 0; f < ESP_CUDA_GATE_EDGE; f++) {
      const double term = (f ? 1 : ESP_LN2) * row_total(r, count, sums[1 + f][c]);
      if (threadIdx.x == 0) param_term(param_acc, 1 + ESP_CUDA_GATE_EDGE * c + f, term);
    }
}

template <int MOST>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    receivers_kernel(esp_cuda_gate p, const int *block, const double *gradient, double *dquery, int64_t *cell_acc,
                     int64_t *param_acc) {
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], C = p.channels, W = p.width, i = (int)threadIdx.x, d = p.dim;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return;
  lane<MOST> t;
  float value[MOST + 1], move[ESP_CUDA_DIM + 1], sums[3][MOST];
  double total[ESP_CUDA_DIM + 1], totals[3][MOST];
  load(p, r, own, p.query, p.query_row);
  lane_load(p, r, i < own.count, p.query + (size_t)(own.first + i) * p.query_row, &t);
  for (int c = 0; c < W; c++) value[c] = i < own.count ? (float)gradient[(size_t)(own.first + i) * W + c] : 0.0f;
  for (int a = 0; a <= d; a++) total[a] = 0;
  for (int c = 0; c < 3 * C; c++) totals[c / C][c % C] = 0;
  lists_meet(
      p, r, b,
      [&]() {
        for (int a = 0; a <= d; a++) move[a] = 0;
        for (int c = 0; c < 3 * C; c++) sums[c / C][c % C] = 0;
      },
      [&](const float *y, int there, int cells) {
        float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE], pull[ESP_GATE_AT_ONCE] = {0, 0, 0, 0};
        edges<0>(d, y, t.x, r2, G);
#pragma unroll
        for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
          if (e >= there) continue;
          int64_t *cell = cells < 0 ? nullptr : cell_acc + (size_t)r.slot[cells + e] * p.adjoint * ESP_EXACT_CELL_WORDS;
          pull[e] = pair_receivers(p, r, own.count, y + e, r2[e], G[e], t, value, sums, cell);
        }
        moves<0>(d, y, t.x, pull, move);
        move[d] = esp_gate_spread(pull[0], r2[0], pull[1], r2[1], pull[2], r2[2], pull[3], r2[3], move[d]);
      },
      [&]() {
        for (int a = 0; a <= d; a++) total[a] += (double)move[a];
        for (int c = 0; c < 3 * C; c++) totals[c / C][c % C] += (double)sums[c / C][c % C];
      });
  double *to = dquery + (size_t)(own.first + i) * p.query_row;
  for (int a = 0; a < d && i < own.count; a++) gradient_add(p, a, total[a], to + a);
  for (int c = 0; c < C && i < own.count; c++) gradient_add(p, d + c, totals[0][c], to + d + c);
  param_add<MOST>(p, r, own.count, total[d], totals, param_acc);
}

template <int MOST>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    senders_kernel(esp_cuda_gate p, const int *block, const double *receiver, double *dsource) {
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], C = p.channels, W = p.width, i = (int)threadIdx.x, d = p.dim;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return;
  lane<MOST> t;
  float move[ESP_CUDA_DIM], dw[MOST];
  double total[ESP_CUDA_DIM], totals[MOST];
  load(p, r, own, p.source, p.source_row);
  lane_load(p, r, i < own.count, p.source + (size_t)(own.first + i) * p.source_row, &t);
  for (int a = 0; a < d; a++) total[a] = 0;
  for (int c = 0; c < C; c++) totals[c] = 0;
  const int width = p.query_row + W;
  const auto number = [&](int slot, int n) { return row_number(p, r, receiver + (size_t)slot * width, width, n); };
  stream_receivers(p, r, b, receiver, [&](int filled, int met) {
    for (int a = 0; a < d; a++) move[a] = 0;
    for (int c = 0; c < C; c++) dw[c] = 0;
    stream_meet(r, filled, width, number, [&](const float *y, int) {
      if (!met) return;
      float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE], pull[ESP_GATE_AT_ONCE];
      edges<0>(d, y, t.x, r2, G);
#pragma unroll
      for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
        const float *offset = y + d * ESP_GATE_AT_ONCE + e, *heard_of = offset + C * ESP_GATE_AT_ONCE;
        pull[e] = W > C ? G[e] * heard_of[C * ESP_GATE_AT_ONCE] : 0;
        for (int c = 0; c < C; c++) {
          const float w3_1 = r.edge[2 * C + c];
          const float input =
              esp_gate_mlp_input(t.offset[c], offset[c * ESP_GATE_AT_ONCE], r.edge[c], r2[e], w3_1, G[e]);
          dw[c] += esp_gate_mlp_slope(input, G[e], heard_of[c * ESP_GATE_AT_ONCE], r.edge[C + c], w3_1, pull + e);
        }
      }
      moves<0>(d, y, t.x, pull, move);
    });
    for (int a = 0; a < d; a++) total[a] += (double)move[a];
    for (int c = 0; c < C; c++) totals[c] += (double)dw[c];
  });
  if (i >= own.count) return;
  double *to = dsource + (size_t)(own.first + i) * p.source_row;
  for (int a = 0; a < d; a++) gradient_add(p, a, total[a], to + a);
  for (int c = 0; c < C; c++) gradient_add(p, d + c, totals[c], to + d + c);
}

/* ---- launches ---- */

int forward(const esp_cuda_gate *p, int count, const int *block, double *sum) {
  const auto kernel = p->channels <= 16 ? forward_kernel<16> : forward_kernel<ESP_CUDA_CHANNELS>;
  size_t bytes;
  ESP_CALL(room_take(p, kernel, &bytes));
  ESP_LAUNCH(kernel, count, threads_of(p), bytes, 0, *p, block, sum);
  return ESP_OK;
}

int receivers(const esp_cuda_gate *p, int count, const int *block, const double *dsum, double *dquery,
              int64_t *cell_acc, int64_t *param_acc) {
  const auto kernel = p->channels <= 16 ? receivers_kernel<16> : receivers_kernel<ESP_CUDA_CHANNELS>;
  size_t bytes;
  ESP_CALL(room_take(p, kernel, &bytes));
  ESP_LAUNCH(kernel, count, threads_of(p), bytes, 0, *p, block, dsum, dquery, cell_acc, param_acc);
  return ESP_OK;
}

int senders(const esp_cuda_gate *p, int count, const int *block, const double *receiver, double *dsource) {
  const auto kernel = p->channels <= 16 ? senders_kernel<16> : senders_kernel<ESP_CUDA_CHANNELS>;
  size_t bytes;
  ESP_CALL(room_take(p, kernel, &bytes));
  ESP_LAUNCH(kernel, count, threads_of(p), bytes, 0, *p, block, receiver, dsource);
  return ESP_OK;
}

}  // namespace

const esp_cuda_gate_routines esp_cuda_gate_learned = {forward, receivers, senders};
