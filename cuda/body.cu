#include "cuda/inline.h"

#include "cuda/body.h"
#include "cuda/body_law.cuh"
#include "cuda/launch.h"

namespace {

/* ---- chunks of the three passes ---- */

template <int NEWTON, int LEARNED, int LAW>
__device__ void near_forward(const room &r, const esp_space &space, int H, int filled, lane *t) {
  clear(t);
  for (int j = 0; j < filled && NEWTON; j++)
    esp_newton_near(r.entry[j], space, space.periodic, t->x, t->y, t->z, &t->ax, &t->ay, &t->az);
  if (LEARNED) law_forward<LAW>(r, space, H, filled, t);
  close(t);
}

template <int NEWTON, int LAW>
__device__ void far_forward(const room &r, const esp_space &space, int H, int filled, lane *t) {
  clear(t);
  for (int j = 0; j < filled && NEWTON; j++)
    esp_newton_far(r.cell[j], space.eps2, t->x, t->y, t->z, &t->ax, &t->ay, &t->az);
  if (LAW) law_forward<LAW>(r, space, H, filled, t);
  close(t);
}

/* first: the lane of the first entry in the block's own square; else far below 0. */
template <int NEWTON, int LEARNED, int LAW>
__device__ void near_receivers(const room &r, const esp_space &space, int H, int filled, int first, lane *t) {
  clear(t);
  for (int j = 0; j < filled && NEWTON; j++)
    esp_newton_receiver(r.entry[j], space, space.periodic, first + j == (int)threadIdx.x, t->x, t->y, t->z, t->gx,
                        t->gy, t->gz, &t->k, &t->ax, &t->ay, &t->az);
  if (NEWTON) {
    t->ax = esp_newton_received(t->ax, t->k, t->gx);
    t->ay = esp_newton_received(t->ay, t->k, t->gy);
    t->az = esp_newton_received(t->az, t->k, t->gz);
  }
  if (LEARNED) {
    law_receivers<LAW>(r, space, H, filled, first, nullptr, t);
    for (int h = 0; h < H; h += GROUP) law_slopes<LAW>(r, space, H, filled, first, h, *t);
  }
  close(t);
}

/* The nine numbers of cell j over all lanes: lane l of sixteen over all sixteens, then halved. */
__device__ void far_slope(const room &r, const lane &t, const float *v, int64_t *acc) {
  for (int c0 = 0; c0 < ESP_CUDA_MASS_ADJOINT; c0 += FOLD) {
    for (int c = 0; c < FOLD; c++) fold_put(r, t, c, v[c0 + c]);
    __syncthreads();
    if (threadIdx.x < FOLD) {
      float part[16];
      for (int l = 0; l < 16; l++) {
        part[l] = 0;
        for (int base = 0; base < t.padded; base += 16) part[l] += r.fold[threadIdx.x * blockDim.x + base + l];
      }
      cell_term(acc + (size_t)(c0 + threadIdx.x) * ESP_EXACT_CELL_WORDS, esp_total16(part));
    }
    __syncthreads();
  }
}

template <int NEWTON, int LAW>
__device__ void far_receivers(const room &r, const esp_space &space, int H, int filled, int64_t *cell_acc, lane *t) {
  clear(t);
  for (int j = 0; j < filled && NEWTON; j++) {
    float v[ESP_CUDA_MASS_ADJOINT];
    esp_newton_far_slope(r.cell[j], space.eps2, t->x, t->y, t->z, t->gx, t->gy, t->gz, v);
    t->ax -= v[0];
    t->ay -= v[1];
    t->az -= v[2];
    far_slope(r, *t, v, cell_acc + (size_t)r.row[j] * ESP_CUDA_MASS_ADJOINT * ESP_EXACT_CELL_WORDS);
  }
  if (LAW) {
    law_receivers<LAW>(r, space, H, filled, ESP_CUDA_NOT_OWN, cell_acc, t);
    for (int h = 0; h < H; h += GROUP) law_slopes<LAW>(r, space, H, filled, ESP_CUDA_NOT_OWN, h, *t);
  }
  close(t);
}

template <int NEWTON, int LEARNED, int LAW>
__device__ void near_senders(const room &r, const esp_space &space, int H, int filled, int first, lane *t) {
  clear(t);
  for (int j = 0; j < filled && NEWTON; j++)
    esp_newton_sender(r.entry[j], space, space.periodic, first + j == (int)threadIdx.x, t->x, t->y, t->z, &t->ax,
                      &t->ay, &t->az);
  for (int j = 0; j < filled && LEARNED; j++) {
    esp_edge edge = esp_law_edge(r.entry[j], space, !LAW, t->x, t->y, t->z);
    if (first + j == (int)threadIdx.x) edge.kappa = 0;
    law_senders_pair(r, H, j, r.entry[j], edge, t);
  }
  close(t);
}

/* ---- a block of threads ---- */

/* The block itself, its near leaves, its far cells, in this order. near(filled, first), far(filled). */
template <int LEARNED, int LAW, class Near, class Far>
__device__ void pass_lists(const esp_cuda_bodies &p, const room &r, int block, Near near, Far far) {
  const esp_cuda_run own = p.lists.block[block];
  const esp_cuda_run *leaf = p.lists.near + p.lists.near_start[block], *cell = p.lists.far + p.lists.far_start[block];
  const int64_t leaves = p.lists.near_start[block + 1] - p.lists.near_start[block];
  const int64_t cells = p.lists.far_start[block + 1] - p.lists.far_start[block];
  int first = 0;
  const auto of_own = [&](int filled) {
    near(filled, first);
    first += filled;
  };
  const auto of_others = [&](int filled) { near(filled, ESP_CUDA_NOT_OWN); };
  const auto fetch_own = [&](int64_t, int i, int k) { fetch_source<LEARNED>(p, r, own.first + i, k); };
  const auto fetch_leaf = [&](int64_t n, int i, int k) { fetch_source<LEARNED>(p, r, leaf[n].first + i, k); };
  esp_stream_rest(esp_stream_runs(&own, 1, CHUNK, 0, r.start, fetch_own, of_own), of_own);
  esp_stream_rest(esp_stream_runs(leaf, leaves, CHUNK, 0, r.start, fetch_leaf, of_others), of_others);
  for (int64_t at = 0; at < cells; at += CHUNK) {
    const int filled = cells - at < CHUNK ? (int)(cells - at) : CHUNK;
    for (int k = threadIdx.x; k < filled; k += blockDim.x) fetch_cell<LEARNED>(p, r, cell[at + k], k, LAW);
    esp_stream_rest(filled, far);
  }
}

template <int NEWTON, int LEARNED, int LAW>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    forward_kernel(esp_cuda_bodies p, const int *block, double *sum) {
  ESP_SHARED(unsigned char, memory);
  const room r = room_of(memory, p.hidden);
  const int b = block[blockIdx.x], H = p.hidden;
  const esp_cuda_run own = p.lists.block[b];
  const esp_space space = space_of(p);
  if (LEARNED) weights_load<LAW>(p, r);
  lane t = load<LEARNED>(p, r, own, nullptr);
  pass_lists<LEARNED, LAW>(
      p, r, b, [&](int filled, int) { near_forward<NEWTON, LEARNED, LAW>(r, space, H, filled, &t); },
      [&](int filled) { far_forward<NEWTON, LAW>(r, space, H, filled, &t); });
  for (int c = 0; c < 3 && t.live; c++) sum[(size_t)(own.first + threadIdx.x) * 3 + c] = t.sum[c];
}

template <int NEWTON, int LEARNED, int LAW>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    receivers_kernel(esp_cuda_bodies p, const int *block, const double *dsum, double *dquery, int64_t *cell_acc,
                     int64_t *param_acc) {
  ESP_SHARED(unsigned char, memory);
  const room r = room_of(memory, p.hidden);
  const int b = block[blockIdx.x], H = p.hidden;
  const esp_cuda_run own = p.lists.block[b];
  const esp_space space = space_of(p);
  if (own.count == 0) return; /* all of them */
  if (LEARNED) weights_load<LAW>(p, r);
  lane t = load<LEARNED>(p, r, own, dsum);
  pass_lists<LEARNED, LAW>(
      p, r, b, [&](int filled, int first) { near_receivers<NEWTON, LEARNED, LAW>(r, space, H, filled, first, &t); },
      [&](int filled) { far_receivers<NEWTON, LAW>(r, space, H, filled, cell_acc, &t); });
  for (int c = 0; c < 3 && t.live; c++) dquery[(size_t)(own.first + threadIdx.x) * 3 + c] += t.sum[c];
  if (LEARNED) law_param_add<LAW>(r, H, param_acc);
}

template <int NEWTON, int LEARNED, int LAW>
__global__ void __launch_bounds__(ESP_CUDA_BLOCK_MAX, 1)
    senders_kernel(esp_cuda_bodies p, const int *block, const double *receiver, double *dsource) {
  ESP_SHARED(unsigned char, memory);
  const room r = room_of(memory, p.hidden);
  const int b = block[blockIdx.x], H = p.hidden;
  const esp_cuda_run own = p.lists.block[b];
  const esp_space space = space_of(p);
  if (LEARNED) weights_load<LAW>(p, r);
  lane t = load<LEARNED>(p, r, own, nullptr);
  const int slot = own.first + (int)threadIdx.x, leaf = esp_leaf_of(p.lists, b, slot);
  esp_cuda_run run = own;
  int first = 0, met = 1;
  const auto fetch = [&](int64_t, int i, int k) { fetch_receiver<LEARNED>(p, r, receiver, run.first + i, k); };
  const auto flush = [&](int filled) {
    if (met) near_senders<NEWTON, LEARNED, LAW>(r, space, H, filled, first, &t);
    first += filled;
  };
  esp_stream_rest(esp_stream_runs(&run, 1, CHUNK, 0, r.start, fetch, flush), flush);
  for (int64_t e = p.lists.meeting_start[b]; e < p.lists.meeting_start[b + 1]; e++) {
    const esp_cuda_meeting m = p.lists.meeting[e];
    run = m.receivers;
    first = ESP_CUDA_NOT_OWN;
    met = t.live && esp_meets(p.lists, m, leaf);
    esp_stream_rest(esp_stream_runs(&run, 1, CHUNK, 0, r.start, fetch, flush), flush);
  }
  const double mu = t.live ? p.source[(size_t)slot * ESP_CUDA_BODY + 3] : 0;
  for (int c = 0; c < 3 && mu > 0; c++) {
    double *to = dsource + (size_t)slot * 3 + c;
    *to = fma(mu, t.sum[c], *to);
  }
}

/* ---- launches ---- */

struct routines {
  void (*forward)(esp_cuda_bodies, const int *, double *);
  void (*receivers)(esp_cuda_bodies, const int *, const double *, double *, int64_t *, int64_t *);
  void (*senders)(esp_cuda_bodies, const int *, const double *, double *);
};

#define ROW(newton, learned, law) \
  { forward_kernel<newton, learned, law>, receivers_kernel<newton, learned, law>, senders_kernel<newton, learned, law> }
const routines body[ESP_CUDA_BODIES] = {ROW(1, 0, 0), ROW(1, 1, 0), ROW(0, 1, 0), ROW(0, 1, 1)};

int threads_of(const esp_cuda_bodies *p) {
  return p->lists.largest <= 32 ? 32 : (p->lists.largest + 31) / 32 * 32;
}

}  // namespace

int esp_cuda_body_forward(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block, double *sum) {
  const int threads = threads_of(p);
  ESP_LAUNCH(body[message].forward, count, threads, room_bytes(threads, p->hidden), 0, *p, block, sum);
  return ESP_OK;
}

int esp_cuda_body_receivers(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block,
                            const double *dsum, double *dquery, int64_t *cell_acc, int64_t *param_acc) {
  const int threads = threads_of(p);
  ESP_LAUNCH(body[message].receivers, count, threads, room_bytes(threads, p->hidden), 0, *p, block, dsum, dquery,
             cell_acc, param_acc);
  return ESP_OK;
}

int esp_cuda_body_senders(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block,
                          const double *receiver, double *dsource) {
  const int threads = threads_of(p);
  ESP_LAUNCH(body[message].senders, count, threads, room_bytes(threads, p->hidden), 0, *p, block, receiver, dsource);
  return ESP_OK;
}
