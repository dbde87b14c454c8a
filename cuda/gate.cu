#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/gate_lane.cuh"
#include "cuda/gate_cells.cuh"

namespace {

/* ONE: of one channel, with den or without; else of any number. D: of so many dimensions; 0: of any number. */
template <int D, int ONE>
struct most {
  enum { dim = D ? D : ESP_CUDA_DIM, channels = ONE ? 1 : ESP_CUDA_CHANNELS, width = channels + 1 };
};

/* For each c of `count`, of at most `most`. */
#define CHANNELS(c, count, most) \
  _Pragma("unroll") for (int c = 0; c < (ONE ? (most) : (count)); c++) if (!ONE || c < (count))

/* acc += v G; v: numbers of the entries from `first` on. */
template <int ONE>
__device__ void spread(const float *y, int first, int count, int most, const float *G, float *acc) {
  CHANNELS(c, count, most) {
    float v[ESP_GATE_AT_ONCE];
    four_of(y, first + c, v);
    acc[c] = esp_gate_spread(v[0], G[0], v[1], G[1], v[2], G[2], v[3], G[3], acc[c]);
  }
}

/* P of four entries. */
template <int ONE>
__device__ void score(const float *y, int first, int width, const float *value, const float *G, float *pull) {
  CHANNELS(c, width, 2) {
    float v[ESP_GATE_AT_ONCE];
    four_of(y, first + c, v);
#pragma unroll
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) pull[e] = c ? fmaf(v[e], value[c], pull[e]) : v[e] * value[c];
  }
#pragma unroll
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++) pull[e] *= G[e];
}

template <int D, int ONE>
__device__ void lane_load(const esp_cuda_gate &p, const room &r, float *x) {
  const int d = D ? D : p.dim;
#pragma unroll
  for (int a = 0; a < d; a++) x[a] = r.x[a * blockDim.x + threadIdx.x];
}

template <int D, int ONE>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1) forward_kernel(esp_cuda_gate p, const int *block, double *to) {
  typedef most<D, ONE> of;
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], W = p.width, i = (int)threadIdx.x;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return; /* all of them */
  float x[of::dim], acc[of::width];
  double sum[of::width];
  load(p, r, own, p.query, p.query_row);
  lane_load<D, ONE>(p, r, x);
  CHANNELS(c, W, 2) sum[c] = 0;
  const auto clear = [&]() { CHANNELS(c, W, 2) acc[c] = 0; };
  const auto close = [&]() { CHANNELS(c, W, 2) sum[c] += (double)acc[c]; };
  const auto number = [&](int slot, int n) {
    return row_number(p, r, p.source + (size_t)slot * p.source_row, p.source_row, n);
  };
  stream_near(p, r, b, [&](int filled) {
    clear();
    stream_meet(r, filled, p.dim + W, number, [&](const float *y, int) {
      float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE];
      edges<D>(p.dim, y, x, r2, G);
      spread<ONE>(y, D ? D : p.dim, W, 2, G, acc);
    });
    close();
  });
  cells_meet(
      p, r, b, clear,
      [&](int row, const float *y) {
        float u[of::dim];
        const float G = cell_edge<D>(p.dim, x, y, u);
        const float *poly = p.said + (size_t)row * 2 * W * p.moments;
        CHANNELS(c, W, 2)
        acc[c] = fmaf(G, esp_gate_poly(D ? D : p.dim, p.order, poly + c * p.moments, u, nullptr), acc[c]);
      },
      close);
  if (i < own.count) CHANNELS(c, W, 2) to[(size_t)(own.first + i) * W + c] = sum[c];
}

/* One far cell of the backward pass. acc: d moves, then the rate. */
template <int D, int ONE>
__device__ void cell_receivers(const esp_cuda_gate &p, const room &r, int lanes, int row, const float *y,
                               const float *x, const float *value, double *rate, int64_t *acc_cell, float *acc) {
  typedef most<D, ONE> of;
  const int d = D ? D : p.dim, threads = (int)blockDim.x, i = (int)threadIdx.x;
  const float *poly = p.said + (size_t)row * 2 * p.width * p.moments, share = (float)(0.5 / ESP_LN2);
  float u[of::dim], dx[of::dim], slope[of::dim], sum = 0;
  const float G = cell_edge<D>(p.dim, x, y, u);
  __syncthreads();
#pragma unroll
  for (int a = 0; a < d; a++) dx[a] = 0, r.x[a * threads + i] = u[a];
  CHANNELS(c, p.width, 2) {
    const float g = G * value[c];
    sum = fmaf(g, esp_gate_poly(d, p.order, poly + c * p.moments, u, slope), sum);
#pragma unroll
    for (int a = 0; a < d; a++) dx[a] = fmaf(g, slope[a], dx[a]);
    r.fold[i] = g;
    __syncthreads();
    cell_close(p, r, lanes, r.x, poly, c, rate, acc_cell);
    __syncthreads();
  }
#pragma unroll
  for (int a = 0; a < d; a++) {
    const float move = esp_gate_cell_move(dx[a], u[a], sum);
    r.x[a * threads + i] = move;
    acc[a] = fmaf(share, move, acc[a]);
    acc[d] = fmaf(-share * u[a], move, acc[d]);
  }
  __syncthreads();
  cell_key_close(p, lanes, r.x, acc_cell);
}

/* One of constant keys: what its channels' moments hear alone. */
template <int D, int ONE>
__device__ void cell_moments(const esp_cuda_gate &p, const room &r, int lanes, const float *y, const float *x,
                             const float *value, int64_t *acc_cell) {
  const int d = D ? D : p.dim, threads = (int)blockDim.x, i = (int)threadIdx.x;
  float u[most<D, ONE>::dim];
  const float G = cell_edge<D>(p.dim, x, y, u);
  __syncthreads();
#pragma unroll
  for (int a = 0; a < d; a++) r.x[a * threads + i] = u[a];
  CHANNELS(c, p.channels, 1) {
    r.fold[i] = G * value[c];
    __syncthreads();
    cell_close(p, r, lanes, r.x, nullptr, c, nullptr, acc_cell);
    __syncthreads();
  }
}

/* The receivers' side of constant keys: what cells hear of them. */
template <int D, int ONE>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    moments_kernel(esp_cuda_gate p, const int *block, const double *gradient, int64_t *cell_acc) {
  typedef most<D, ONE> of;
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], i = (int)threadIdx.x;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return;
  float x[of::dim], value[of::channels];
  load(p, r, own, p.query, p.query_row);
  lane_load<D, ONE>(p, r, x);
  CHANNELS(c, p.channels, 1)
  value[c] = i < own.count ? (float)gradient[(size_t)(own.first + i) * p.width + c] : 0.0f;
  cells_meet(
      p, r, b, []() {},
      [&](int row, const float *y) {
        int64_t *to = cell_acc + (size_t)row * p.adjoint * ESP_EXACT_CELL_WORDS;
        cell_moments<D, ONE>(p, r, own.count, y, x, value, to);
      },
      []() {});
}

template <int D, int ONE>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    receivers_kernel(esp_cuda_gate p, const int *block, const double *gradient, double *dquery, int64_t *cell_acc,
                     int64_t *param_acc) {
  typedef most<D, ONE> of;
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], W = p.width, i = (int)threadIdx.x, d = D ? D : p.dim;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return;
  float x[of::dim], value[of::width], acc[of::dim + 1];
  double sum[of::dim + 1], *rate = p.rate + (size_t)b * W * p.moments;
  load(p, r, own, p.query, p.query_row);
  lane_load<D, ONE>(p, r, x);
  CHANNELS(c, W, 2) value[c] = i < own.count ? (float)gradient[(size_t)(own.first + i) * W + c] : 0.0f;
  for (int m = i; m < W * p.moments; m += (int)blockDim.x) rate[m] = 0;
#pragma unroll
  for (int a = 0; a <= d; a++) sum[a] = 0;
  const auto clear = [&]() {
#pragma unroll
    for (int a = 0; a <= d; a++) acc[a] = 0;
  };
  const auto close = [&]() {
#pragma unroll
    for (int a = 0; a <= d; a++) sum[a] += (double)acc[a];
  };
  const auto number = [&](int slot, int n) {
    return row_number(p, r, p.source + (size_t)slot * p.source_row, p.source_row, n);
  };
  stream_near(p, r, b, [&](int filled) {
    clear();
    stream_meet(r, filled, d + W, number, [&](const float *y, int) {
      float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE], pull[ESP_GATE_AT_ONCE];
      edges<D>(d, y, x, r2, G);
      score<ONE>(y, d, W, value, G, pull);
      moves<D>(d, y, x, pull, acc);
      acc[d] = esp_gate_spread(pull[0], r2[0], pull[1], r2[1], pull[2], r2[2], pull[3], r2[3], acc[d]);
    });
    close();
  });
  cells_meet(
      p, r, b, clear,
      [&](int row, const float *y) {
        int64_t *to = cell_acc + (size_t)row * p.adjoint * ESP_EXACT_CELL_WORDS;
        cell_receivers<D, ONE>(p, r, own.count, row, y, x, value, rate, to, acc);
      },
      close);
#pragma unroll
  for (int a = 0; a < d; a++)
    if (i < own.count) gradient_add(p, a, sum[a], dquery + (size_t)(own.first + i) * p.query_row + a);
  double scale = 2 * ESP_LN2 * row_total(r, own.count, sum[d]);
  if (i > 0) return;
  for (int m = 0; m < W * p.moments; m++) scale += rate[m];
  param_term(param_acc, 0, scale);
}

template <int D, int ONE>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    senders_kernel(esp_cuda_gate p, const int *block, const double *receiver, double *dsource) {
  typedef most<D, ONE> of;
  ESP_SHARED(unsigned char, memory);
  room r;
  room_of(p, (int)blockDim.x, memory, &r);
  const int b = block[blockIdx.x], C = p.channels, W = p.width, i = (int)threadIdx.x, d = D ? D : p.dim;
  const esp_cuda_run own = p.lists.block[b];
  if (own.count == 0) return;
  float x[of::dim], value[of::width], move[of::dim], heard_of[of::channels];
  double sum[of::dim], sum_of[of::channels];
  load(p, r, own, p.source, p.source_row);
  lane_load<D, ONE>(p, r, x);
  const double *row = p.source + (size_t)(own.first + i) * p.source_row;
  CHANNELS(c, W, 2) value[c] = c == C ? 1.0f : i < own.count ? (float)row[p.dim + c] : 0.0f;
#pragma unroll
  for (int a = 0; a < d; a++) sum[a] = 0;
  CHANNELS(c, C, 1) sum_of[c] = 0;
  const int width = p.query_row + W;
  const auto number = [&](int slot, int n) { return row_number(p, r, receiver + (size_t)slot * width, width, n); };
  stream_receivers(p, r, b, receiver, [&](int filled, int met) {
#pragma unroll
    for (int a = 0; a < d; a++) move[a] = 0;
    CHANNELS(c, C, 1) heard_of[c] = 0;
    stream_meet(r, filled, d + W, number, [&](const float *y, int) {
      if (!met) return;
      float r2[ESP_GATE_AT_ONCE], G[ESP_GATE_AT_ONCE], pull[ESP_GATE_AT_ONCE];
      edges<D>(d, y, x, r2, G);
      if (!(p.still & ESP_CUDA_STILL_VALUES)) spread<ONE>(y, d, C, 1, G, heard_of);
      if (p.still & ESP_CUDA_STILL_KEYS) return;
      score<ONE>(y, d, W, value, G, pull);
      moves<D>(d, y, x, pull, move);
    });
#pragma unroll
    for (int a = 0; a < d; a++) sum[a] += (double)move[a];
    CHANNELS(c, C, 1) sum_of[c] += (double)heard_of[c];
  });
  if (i >= own.count) return;
  double *to = dsource + (size_t)(own.first + i) * p.source_row;
#pragma unroll
  for (int a = 0; a < d; a++) gradient_add(p, a, sum[a], to + a);
  CHANNELS(c, C, 1) gradient_add(p, d + c, sum_of[c], to + d + c);
}

/* ---- launches ---- */

struct routines {
  int dim, one;
  void (*forward)(esp_cuda_gate, const int *, double *);
  void (*receivers)(esp_cuda_gate, const int *, const double *, double *, int64_t *, int64_t *);
  void (*moments)(esp_cuda_gate, const int *, const double *, int64_t *);
  void (*senders)(esp_cuda_gate, const int *, const double *, double *);
};

#define ROW(dim, one) \
  { dim, one, forward_kernel<dim, one>, receivers_kernel<dim, one>, moments_kernel<dim, one>, senders_kernel<dim, one> }
const routines known[] = {ROW(2, 1), ROW(3, 1), ROW(4, 1), ROW(8, 1), ROW(2, 0), ROW(4, 0), ROW(8, 0), ROW(0, 0)};

const routines *routines_of(const esp_cuda_gate *p) {
  const routines *k = known;
  while ((k->dim && k->dim != p->dim) || (k->one && p->channels != 1)) k++;
  return k;
}

int meet(const esp_cuda_gate *p) {
  const int64_t all = p->far ? (int64_t)p->rows * p->width * p->moments : 0;
  ESP_LAUNCH(meet_kernel, (unsigned)((all + 255) / 256), 256, 0, 0, *p);
  return ESP_OK;
}

int forward(const esp_cuda_gate *p, int count, const int *block, double *sum) {
  const routines *k = routines_of(p);
  size_t bytes;
  ESP_CALL(meet(p));
  ESP_CALL(room_take(p, k->forward, &bytes));
  ESP_LAUNCH(k->forward, count, threads_of(p), bytes, 0, *p, block, sum);
  return ESP_OK;
}

int receivers(const esp_cuda_gate *p, int count, const int *block, const double *dsum, double *dquery,
              int64_t *cell_acc, int64_t *param_acc) {
  const routines *k = routines_of(p);
  size_t bytes;
  if (p->still & ESP_CUDA_STILL_KEYS) {
    ESP_CALL(room_take(p, k->moments, &bytes));
    ESP_LAUNCH(k->moments, count, threads_of(p), bytes, 0, *p, block, dsum, cell_acc);
    return ESP_OK;
  }
  ESP_CALL(meet(p));
  ESP_CALL(room_take(p, k->receivers, &bytes));
  ESP_LAUNCH(k->receivers, count, threads_of(p), bytes, 0, *p, block, dsum, dquery, cell_acc, param_acc);
  return ESP_OK;
}

int senders(const esp_cuda_gate *p, int count, const int *block, const double *receiver, double *dsource) {
  const routines *k = routines_of(p);
  size_t bytes;
  ESP_CALL(room_take(p, k->senders, &bytes));
  ESP_LAUNCH(k->senders, count, threads_of(p), bytes, 0, *p, block, receiver, dsource);
  return ESP_OK;
}

}  // namespace

int esp_cuda_gate_fits(const esp_cuda_gate *p) {
  int device, most;
  ESP_CUDA(cudaGetDevice(&device));
  ESP_CUDA(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  ESP_CHECK(
      room_bytes(p) <= (size_t)most, ESP_ERR_LIMIT,
      "blocks of up to %d particles in %d dimensions, with %d channels, want %zu bytes of a device's shared memory, "
      "of which there are %d: set a smaller tree_block, and no larger tree_leaf",
      p->lists.largest, p->dim, p->channels, room_bytes(p), most);
  return ESP_OK;
}

const esp_cuda_gate_routines esp_cuda_gate_plain = {forward, receivers, senders};
