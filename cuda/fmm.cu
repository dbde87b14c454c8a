/* Expansions, cells and bodies of the force by multipoles on a device (fmm/pairs/expand.h, fmm/pairs/near.h).
 *
 * Sums. An expansion: the parent's moved here, then the cells of the list, the k-th by lane k mod 16, each lane in the list's
 * order, lanes halved again and again. A body, a lane of a warp: cells in the list's order, 64 at a time in float32, these
 * in float64; near bodies of its own receiver, then all others in the list's order, whole leaves until there are 256, in
 * float32 with those of its own, these in float64; then its expansion. Or all near bodies and cells in float64, where one is
 * so close to another, or so far, that float32 would show.
 *
 * Bytes from the second cache: of an expanded cell 64 and 0, 32, 64, 128 of moments at order 2..5; of a near body 32, of a
 * cell on bodies 64 and 24, which 32 lanes share. Operations by count of the text, a product-sum one, and so a root or a
 * quotient, which take some eight instructions each: a near pair 12, one more where closeness is watched and one with the
 * potential; a cell on a body 42; an expanded cell 58, 133, 295, 608 at order 2..5, a body's expansion 40, 88, 163, 271. */
#include "cuda/inline.h"

#include "cuda/fmm_rows.cuh"

namespace {

/* ---- expansions ---- */

template <int P>
__global__ void move_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *of, const esp_cuda_fmm_lists *above,
                            const float *from, float *L) {
  move_down(p, count, of, above, from, L,
            [](const float *there, const float *d, float shrink, float *here) { move(P, there, d, shrink, here); });
}

template <int P>
__global__ void expand_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *of, float *L) {
  expand_lists<TERMS(P), 0>(
      p, count, of, L, [](float inverse, float eps2, const esp_fmm_cell &cell, float *x, const float *row, float *sum) {
        float M[ESP_FMM_MOMENTS + 1];
        M[0] = cell.mass;
#pragma unroll
        for (int k = 4; k < TERMS(P - 1); k++) M[k] = row[k - 4];
        expand_cells(P, inverse, eps2, cell.radius, x, M, sum);
      });
}

/* ---- cells on bodies ---- */

__device__ void cells_on(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of, esp_cell_entry *entry, lane_of *t) {
  const int *list = of.list + of.expand;
  const esp_fmm_cell &I = p.cell[t->row];
  int met = 0;
  for (int k = 0; k < of.cell; k += ALL) {
    const int n = of.cell - k < ALL ? of.cell - k : (int)ALL;
    __syncwarp();
    if (t->lane < n) {
      const int at = list[k + t->lane];
      const esp_fmm_cell &J = p.cell[at];
      const int own = cell_within(&J, &I) || cell_within(&I, &J);
      if (too_far(&t->f, &J) || (own && t->f.eps2 < too_close)) t->wide = 1;
      cell_entry(&J, moments_of(p, at), &t->f, entry + t->lane);
    }
    __syncwarp();
    for (int j = 0; j < n; j++) near_cell(entry + j, t->f.eps2, t->x, t->sum, &t->closest);
    met += n;
    if (met < CELL_CHUNK && k + n < of.cell) continue;
    settle(t);
    met = 0;
  }
}

/* ---- near bodies ---- */

/* Of one leaf in each half of a warp, and how many. */
struct stage {
  float x[4][ALL];
};

__device__ __forceinline__ void stage_body(const esp_cuda_fmm &p, const lane_of &t, int place, stage *s) {
  for (int a = 0; a < 3; a++) s->x[a][t.lane] = (float)((p.x[a][place] - t.f.centre[a]) * t.f.inverse);
  s->x[3][t.lane] = (float)p.mass[place];
}

template <int WATCH, int OWN, int POTENTIAL>
__device__ __forceinline__ void hear(const stage &s, int begin, int count, int own, lane_of *t) {
  const float number = (float)t->lane - (float)own;
  for (int j = 0; j < count; j++)
    near_body(WATCH, OWN, POTENTIAL, t->f.eps2, s.x[0][begin + j], s.x[1][begin + j], s.x[2][begin + j],
              s.x[3][begin + j], number, (float)j, t->x[0], t->x[1], t->x[2], &t->sum[0], &t->sum[1], &t->sum[2],
              &t->sum[3], &t->closest);
}

/* Leaves of the receiver itself. Returns whether this lane's body is in one. */
template <int POTENTIAL>
__device__ int near_own(const esp_cuda_fmm &p, const int *list, int count, stage *s, lane_of *t) {
  int is_near = 0;
  for (int first = 0; first < count; first += ALL) {
    const leaf_of leaf = leaf_at(p, t, list, first + t->lane, count);
    for (unsigned own = __ballot_sync(~0u, leaf.within); own; own &= own - 1) {
      const int from = __ffs((int)own) - 1, place = __shfl_sync(~0u, leaf.place, from);
      const int n = __shfl_sync(~0u, leaf.count, from), lane = __shfl_sync(~0u, leaf.own, from);
      __syncwarp();
      if (t->lane < n) stage_body(p, *t, place + t->lane, s);
      __syncwarp();
      hear<1, 1, POTENTIAL>(*s, 0, n, lane, t);
      is_near |= place <= t->place && t->place < place + n;
    }
  }
  return is_near;
}

/* All others. */
template <int WATCH, int POTENTIAL>
__device__ void near_others(const esp_cuda_fmm &p, const int *list, int count, stage *s, lane_of *t) {
  const int half = t->lane / LANES, number = t->lane % LANES;
  int met = 0;
  for (int first = 0; first < count; first += ALL) {
    leaf_of leaf = leaf_at(p, t, list, first + t->lane, count);
    if (leaf.within) leaf.count = 0;
    for (int k = 0; k < ALL && first + k < count; k += 2) {
      const int place = __shfl_sync(~0u, leaf.place, k + half), mine = __shfl_sync(~0u, leaf.count, k + half);
      __syncwarp();
      if (number < mine) stage_body(p, *t, place + number, s);
      __syncwarp();
      for (int h = 0; h < 2; h++) {
        const int n = __shfl_sync(~0u, leaf.count, k + h);
        hear<WATCH, 0, POTENTIAL>(*s, h * LANES, n, 0, t);
        met += n;
        if (met < NEAR_CHUNK) continue;
        settle(t);
        met = 0;
      }
    }
  }
  settle(t);
}

/* ---- in float64 ---- */

__device__ void wide_lists(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of, const lane_of &t, double *sum) {
  const double x[3] = {p.x[0][t.place], p.x[1][t.place], p.x[2][t.place]};
  const int *cells = of.list + of.expand, *leaves = cells + of.cell;
  for (int a = 0; a < 4; a++) sum[a] = 0;
  for (int k = 0; k < of.near_leaves; k++) {
    const int begin = place_of(p, leaves[k]), end = begin + (int)p.cell[leaves[k]].count;
    for (int j = begin; j < end; j++) {
      const double y[3] = {p.x[0][j], p.x[1][j], p.x[2][j]};
      wide_body(p.eps2, y, p.mass[j], j == t.place, x[0], x[1], x[2], &sum[0], &sum[1], &sum[2], &sum[3]);
    }
  }
  for (int k = 0; k < of.cell; k++) {
    const esp_fmm_cell &cell = p.cell[cells[k]];
    double Q[6];
    wide_moments(&cell, moments_of(p, cells[k]), Q);
    wide_cell(p.eps2, cell.c, (double)cell.mass, Q, x[0], x[1], x[2], &sum[0], &sum[1], &sum[2], &sum[3]);
  }
}

template <int P, int POTENTIAL>
__global__ void __launch_bounds__(THREADS) bodies_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *lists,
                                                         const float *L, double *vector, double *potential) {
  __shared__ esp_cell_entry entry[WARPS][ALL];
  __shared__ stage staged[WARPS];
  const int warp = threadIdx.x / ALL, i = blockIdx.x * WARPS + warp;
  if (i >= count) return;
  const esp_cuda_fmm_lists &of = lists[i];
  const int *leaves = of.list + of.expand + of.cell;
  lane_of t = lane_start(p, of);
  float far[4] = {0, 0, 0, 0};
  double sum[4];
  apply(P, L + (size_t)i * LONGEST, t.x, far);
  cells_on(p, of, entry[warp], &t);
  const int is_near = near_own<POTENTIAL>(p, leaves, of.near_leaves, staged + warp, &t);
  if (t.f.eps2 < too_close)
    near_others<1, POTENTIAL>(p, leaves, of.near_leaves, staged + warp, &t);
  else
    near_others<0, POTENTIAL>(p, leaves, of.near_leaves, staged + warp, &t);
  const double acceleration = t.f.inverse * t.f.inverse, unit = t.f.inverse;
  if (wants_wide(t)) {
    wide_lists(p, of, t, sum);
    for (int a = 0; a < 4; a++) sum[a] = sum[a] + (double)far[a] * (a < 3 ? acceleration : unit);
    if (t.lane == 0) atomicAdd(p.count + ESP_CUDA_FMM_EXACT, (unsigned long long)t.count);
  } else {
    for (int a = 0; a < 4; a++) sum[a] = (t.total[a] + (double)far[a]) * (a < 3 ? acceleration : unit);
  }
  /* a softened body that is not near itself is in a cell, or in a cell that was expanded: its part of the potential */
  if (POTENTIAL && p.eps2 > 0 && !is_near) sum[3] -= p.mass[t.place] / p.softening;
  deliver(p, t, sum, vector, potential);
}

/* ---- launches ---- */

const routines by_order[] = {ROW(2), ROW(3), ROW(4), ROW(5)};

}  // namespace

int esp_cuda_fmm_expand(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const esp_cuda_fmm_lists *above,
                        const float *from, float *L) {
  const routines &by = by_order[p->order - ESP_FMM_ORDER_MIN];
  ESP_LAUNCH(by.move, blocks_of(count), THREADS, 0, 0, *p, count, of, above, from, L);
  ESP_LAUNCH(by.expand, blocks_of((int64_t)count * LANES), THREADS, 0, 0, *p, count, of, L);
  return ESP_OK;
}

int esp_cuda_fmm_bodies(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const float *L, double *vector,
                        double *potential) {
  const routines &by = by_order[p->order - ESP_FMM_ORDER_MIN];
  ESP_LAUNCH(by.bodies[potential != nullptr], blocks_of((int64_t)count * ALL), THREADS, 0, 0, *p, count, of, L, vector,
             potential);
  return ESP_OK;
}
