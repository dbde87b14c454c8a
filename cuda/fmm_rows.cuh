/* What the kernels of cuda/fmm.cu and cuda/fmm_adjoint.cu share: expansions into receivers, a body of a receiver a lane. Only they include
 * this. */
#ifndef ESP_CUDA_FMM_ROWS_CUH
#define ESP_CUDA_FMM_ROWS_CUH

#include "cuda/fmm_lanes.cuh"
#include "cuda/launch.h"
#include "fmm/pairs/adjoint.h"

static_assert((int)ESP_CUDA_FMM_LONGEST == (int)LONGEST && (int)ESP_CUDA_FMM_SENT == (int)SENT, "as on the host");

namespace {

enum { THREADS = 128, LANES = 16, ALL = 32, WARPS = THREADS / ALL };

__device__ __forceinline__ esp_frame frame_at(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of) {
  return frame_of(p.node + of.row, p.softening, 1 / of.inverse);
}

__device__ __forceinline__ const float *moments_of(const esp_cuda_fmm &p, int row) {
  return p.moment + (size_t)row * p.moments;
}

/* ---- expansions: move(order, from, d, shrink, to), and cells(order, inverse, eps2, radius, x, row, L) ---- */

/* From the parent: a receiver a thread, so that a term is summed as on the CPU. */
template <class Move>
__device__ void move_down(const esp_cuda_fmm &p, int count, const esp_cuda_fmm_lists *of,
                          const esp_cuda_fmm_lists *above, const float *from, float *L, Move move) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  float here[LONGEST], there[LONGEST];
  const int parent = of[i].parent;
  for (int t = 0; t < LONGEST; t++) here[t] = 0;
  if (parent >= 0) {
    const esp_cuda_fmm_lists &up = above[parent];
    float d[3];
    for (int a = 0; a < 3; a++) d[a] = (float)((p.node[of[i].row].centre[a] - p.node[up.row].centre[a]) * up.inverse);
    for (int t = 0; t < LONGEST; t++) there[t] = from[(size_t)parent * LONGEST + t];
    move(there, d, (float)(1 / of[i].inverse * up.inverse), here);
  }
  for (int t = 0; t < LONGEST; t++) L[(size_t)i * LONGEST + t] = here[t];
}

/* Cells: sixteen threads a receiver, each every sixteenth of its list; their sums halved again and again. Of so many terms, and
 * of more from PSI on. */
template <int TERMS_OF, int PSI_OF, class Cells>
__device__ void expand_lists(const esp_cuda_fmm &p, int count, const esp_cuda_fmm_lists *of, float *L, Cells cells) {
  const int lane = threadIdx.x % LANES, i = (blockIdx.x * blockDim.x + threadIdx.x) / LANES;
  const unsigned mask = 0xffffu << (threadIdx.x & LANES);
  if (i >= count || !of[i].expand) return;
  const esp_frame f = frame_at(p, of[i]);
  float sum[PSI_OF ? (int)LONGEST : TERMS_OF];
#pragma unroll
  for (int t = 0; t < (PSI_OF ? (int)LONGEST : TERMS_OF); t++) sum[t] = 0;
  for (int k = lane; k - lane < of[i].expand; k += LANES) {
    const int row = k < of[i].expand ? of[i].list[k] : p.rows;
    const esp_fmm_cell &cell = p.cell[row];
    float x[3];
    for (int a = 0; a < 3; a++) x[a] = (float)((f.centre[a] - cell.c[a]) * f.inverse);
    cells((float)f.inverse, f.eps2, cell, x, moments_of(p, row), sum);
  }
#pragma unroll
  for (int k = 0; k < TERMS_OF + PSI_OF; k++) {
    const int t = k < TERMS_OF ? k : PSI + k - TERMS_OF;
    float v = sum[t];
    for (int half = LANES / 2; half; half /= 2) v += __shfl_xor_sync(mask, v, half);
    if (k % LANES == lane) L[(size_t)i * LONGEST + t] += v;
  }
}

/* ---- bodies ---- */

/* A lane of a warp, its receiver's body, or a copy of the first. */
struct lane_of {
  esp_frame f;
  int row, lane, count, first, place; /* bodies, place of the first, own */
  float x[3], sum[4];
  double total[4];
  float closest;
  int wide; /* something met asks for float64 */
};

__device__ __forceinline__ int place_of(const esp_cuda_fmm &p, int row) {
  while (p.cell[row].right > 0) row++;
  return -p.cell[row].right;
}

__device__ lane_of lane_start(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of) {
  lane_of t;
  t.f = frame_at(p, of);
  t.row = of.row;
  t.lane = threadIdx.x % ALL;
  t.count = (int)p.cell[of.row].count;
  t.first = place_of(p, of.row);
  t.place = t.first + (t.lane < t.count ? t.lane : 0);
  for (int a = 0; a < 3; a++) t.x[a] = (float)((p.x[a][t.place] - t.f.centre[a]) * t.f.inverse);
  for (int a = 0; a < 4; a++) t.sum[a] = 0, t.total[a] = 0;
  t.closest = nothing_met;
  t.wide = 0;
  return t;
}

/* A chunk's sums in float32 to those in float64. */
__device__ __forceinline__ void settle(lane_of *t) {
  for (int a = 0; a < 4; a++) {
    t->total[a] += (double)t->sum[a];
    t->sum[a] = 0;
  }
}

/* Whether any body of the receiver wants float64. By all lanes. */
__device__ __forceinline__ int wants_wide(const lane_of &t) {
  return __any_sync(~0u, t.wide || (t.lane < t.count && t.closest < too_close));
}

/* An entry of a list of leaves, one a lane: its first body's place, how many, whether they are the receiver's own, and if so, the lane of the
 * first. */
struct leaf_of {
  int place, count, within, own;
};

__device__ leaf_of leaf_at(const esp_cuda_fmm &p, lane_of *t, const int *list, int k, int count) {
  leaf_of leaf = {0, 0, 0, 0};
  if (k >= count) return leaf;
  const esp_fmm_cell &J = p.cell[list[k]], &I = p.cell[t->row];
  leaf.place = place_of(p, list[k]);
  leaf.count = (int)J.count;
  leaf.within = cell_within(&J, &I);
  leaf.own = (int)(J.first - I.first);
  if (too_far(&t->f, &J)) t->wide = 1;
  return leaf;
}

__device__ void deliver(const esp_cuda_fmm &p, const lane_of &t, const double *sum, double *vector, double *potential) {
  if (t.lane >= t.count) return;
  const int i = p.body[t.place];
  for (int a = 0; a < 3; a++) vector[3 * (size_t)i + a] = p.unit * sum[a];
  if (potential) potential[i] = -p.unit_potential * sum[3];
}

inline unsigned blocks_of(int64_t threads) {
  return (unsigned)((threads + THREADS - 1) / THREADS);
}

/* What is launched for an order. */
struct routines {
  void (*move)(esp_cuda_fmm, int, const esp_cuda_fmm_lists *, const esp_cuda_fmm_lists *, const float *, float *);
  void (*expand)(esp_cuda_fmm, int, const esp_cuda_fmm_lists *, float *);
  void (*bodies[2])(esp_cuda_fmm, int, const esp_cuda_fmm_lists *, const float *, double *, double *);
};

#define ROW(P)                                 \
  {                                            \
    move_kernel<P>, expand_kernel<P>, {        \
      bodies_kernel<P, 0>, bodies_kernel<P, 1> \
    }                                          \
  }

}  // namespace

#endif
