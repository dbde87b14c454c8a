/* Expansions, cells and bodies of the multipole method's backward pass on a device (fmm/pairs/adjoint.h).
 *
 * Sums. An expansion: as in cuda/fmm.cu. A body, a lane of a warp: cells in the list's order, those at one place when they are met and
 * the others sixteen at a time, in float32, these in float64; near bodies, those of the receiver itself when they are met and
 * the others in whole leaves until there are 256, in float32, these in float64; then its expansion. Or all of them in
 * float64, as there.
 *
 * Bytes from the second cache: of an expanded cell 64 and 64, 128, 224 of moments at order 3..5, and so of a cell on bodies,
 * which 32 lanes share; of a near body 56. Operations by count of the text, a product-sum one, and so a root or a quotient: a
 * near pair 27, with dL/dm 31; a cell on a body 71, 150, 287, with dL/dm 100, 209, 395; an expanded cell 191, 468, 1019, a
 * body's expansion 70, 154, 289. */
#include "cuda/inline.h"

#include "cuda/fmm_rows.cuh"

namespace {

/* ---- expansions ---- */

template <int P>
__global__ void move_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *of, const esp_cuda_fmm_lists *above,
                            const float *from, float *L) {
  move_down(p, count, of, above, from, L, [](const float *there, const float *d, float shrink, float *here) {
    adjoint_move(P, there, d, shrink, here);
  });
}

template <int P>
__global__ void expand_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *of, float *L) {
  expand_lists<TERMS(P), TERMS(P - 1)>(
      p, count, of, L, [](float inverse, float eps2, const esp_fmm_cell &cell, float *x, const float *row, float *sum) {
        float M[ADJOINT_ROW];
#pragma unroll
        for (int k = 0; k < TERMS(P - 2) + TERMS(P - 1) - 1; k++) M[k] = row[k];
        adjoint_expand_cells(P, inverse, eps2, cell.radius, x, M, sum);
      });
}

/* ---- bodies ---- */

/* What a body has beside lane_of: g and mass, or, where all of the receiver's are `alone`, g over its mass, and 1. */
struct hearer {
  lane_of t;
  const double *sent;
  int alone;
  float g[3], mass;
};

__device__ hearer hearer_start(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of) {
  hearer b;
  b.t = lane_start(p, of);
  b.sent = p.sent + (size_t)b.t.place * SENT;
  b.alone = __all_sync(~0u, adjoint_is_alone(b.sent));
  const double share = b.alone ? 1 / b.sent[0] : 1;
  b.mass = b.alone ? 1.0f : (float)b.sent[0];
  for (int a = 0; a < 3; a++) b.g[a] = (float)(b.sent[1 + a] * share);
  return b;
}

/* Bodies that send, of a leaf, and one of neither mass nor g where their number is odd. */
struct sender {
  float x[3][LANES + 2], sent[LANES + 2][SENT];
};

struct room {
  esp_adjoint_cell cell[ADJOINT_CELLS];
  sender leaf[2];
};

__device__ __forceinline__ void send_nothing(sender *s, int at) {
  for (int a = 0; a < 3; a++) s->x[a][at] = 0x1p50f;
  for (int a = 0; a < SENT; a++) s->sent[at][a] = 0;
}

/* Where masses are 1, products with them change nothing. */
template <int OWN, int DMASS>
__device__ __forceinline__ void hear(const sender &s, int count, int own, hearer *b) {
  const float number = (float)b->t.lane - (float)own;
  for (int j = 0; j < count; j += 2) {
    const float *const place[3] = {s.x[0] + j, s.x[1] + j, s.x[2] + j};
    adjoint_two(1, OWN, DMASS, 0, b->t.f.eps2, place, s.sent + j, j, number, b->t.x, b->g, b->mass, b->t.sum,
                &b->t.closest);
  }
}

/* The body at a place of the tree to number `at` of a leaf of `count`. */
__device__ __forceinline__ void stage_body(const esp_cuda_fmm &p, const lane_of &t, int place, int at, int count,
                                           sender *s) {
  for (int a = 0; a < 3; a++) s->x[a][at] = (float)((p.x[a][place] - t.f.centre[a]) * t.f.inverse);
  for (int a = 0; a < SENT; a++) s->sent[at][a] = (float)p.sent[(size_t)place * SENT + a];
  if (at + 1 == count && count % 2) send_nothing(s, count);
}

/* ---- cells ---- */

/* A cell at one place is a body, which may be of the receiver. */
template <int P, int DMASS>
__device__ void point_on(const esp_cuda_fmm &p, int at, sender *s, hearer *b) {
  const esp_fmm_cell &J = p.cell[at], &I = p.cell[b->t.row];
  const float *row = moments_of(p, at), *g = DIPOLES(P, row);
  const int own = J.count == 1 && cell_within(&J, &I) ? (int)(J.first - I.first) : -1;
  __syncwarp();
  if (b->t.lane == 0) {
    for (int a = 0; a < 3; a++) {
      s->x[a][0] = (float)((J.c[a] - b->t.f.centre[a]) * b->t.f.inverse);
      s->sent[0][1 + a] = g[1 + a];
    }
    s->sent[0][0] = row[0];
    send_nothing(s, 1);
  }
  __syncwarp();
  hear<1, DMASS>(*s, 1, own, b);
}

/* Up to ADJOINT_CELLS that lie in room. */
template <int P, int DMASS>
__device__ void flush_cells(int n, esp_adjoint_cell *cell, hearer *b) {
  float times[ESP_FMM_ORDER_MAX][3];
#pragma unroll
  for (int c = 1; c < P; c++)
    for (int a = 0; a < 3; a++) times[c][a] = (float)c * b->g[a];
  __syncwarp();
  if (b->t.lane < n) adjoint_tensor(P, cell + b->t.lane);
  __syncwarp();
  for (int j = 0; j < n; j++)
    adjoint_cell(P, DMASS, b->t.f.eps2, cell + j, b->t.x, (const float(*)[3])times, b->mass, b->t.sum, &b->t.closest);
  settle(&b->t);
  __syncwarp();
}

template <int P, int DMASS>
__device__ void cells_on(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of, room *r, hearer *b) {
  const int *list = of.list + of.expand;
  const esp_fmm_cell &I = p.cell[b->t.row];
  const esp_frame &f = b->t.f;
  int n = 0;
  for (int first = 0; first < of.cell; first += ALL) {
    const int m = of.cell - first < ALL ? of.cell - first : (int)ALL;
    const int at = b->t.lane < m ? list[first + b->t.lane] : p.rows;
    const esp_fmm_cell &J = p.cell[at];
    if (b->t.lane < m) {
      const int own = cell_within(&J, &I) || cell_within(&I, &J);
      if (too_far(&f, &J) || (own && f.eps2 < too_close)) b->t.wide = 1;
    }
    const unsigned extended = __ballot_sync(~0u, J.reach > 0);
    for (int j = 0; j < m; j++) {
      if (extended >> j & 1) {
        if (b->t.lane == j) {
          for (int a = 0; a < 3; a++) r->cell[n].x[a] = (float)((J.c[a] - f.centre[a]) * f.inverse);
          r->cell[n].ratio = esp_fmm_cell_scale(J.radius) * (float)f.inverse;
          r->cell[n].row = moments_of(p, at);
        }
        n++;
      } else {
        point_on<P, DMASS>(p, __shfl_sync(~0u, at, j), r->leaf, b);
      }
      if (n < ADJOINT_CELLS && first + j + 1 < of.cell) continue;
      flush_cells<P, DMASS>(n, r->cell, b);
      n = 0;
    }
  }
}

/* ---- near bodies ---- */

/* How many leaves of a list make a chunk: until as many bodies as that are of others. */
__device__ int chunk_of(const esp_cuda_fmm &p, const int *list, int count, lane_of *t) {
  int met = 0;
  for (int first = 0; first < count; first += ALL) {
    const leaf_of leaf = leaf_at(p, t, list, first + t->lane, count);
    int sum = leaf.within ? 0 : leaf.count;
    for (int step = 1; step < ALL; step *= 2) {
      const int before = __shfl_up_sync(~0u, sum, step);
      sum += t->lane >= step ? before : 0;
    }
    const unsigned full = __ballot_sync(~0u, met + sum >= ADJOINT_CHUNK);
    if (full) return first + __ffs((int)full);
    met += __shfl_sync(~0u, sum, ALL - 1);
  }
  return count;
}

/* Leaves of the receiver itself. */
template <int DMASS>
__device__ void near_own(const esp_cuda_fmm &p, const int *list, int count, sender *s, hearer *b) {
  for (int first = 0; first < count; first += ALL) {
    const leaf_of leaf = leaf_at(p, &b->t, list, first + b->t.lane, count);
    for (unsigned own = __ballot_sync(~0u, leaf.within); own; own &= own - 1) {
      const int from = __ffs((int)own) - 1, place = __shfl_sync(~0u, leaf.place, from);
      const int n = __shfl_sync(~0u, leaf.count, from), lane = __shfl_sync(~0u, leaf.own, from);
      __syncwarp();
      if (b->t.lane < n) stage_body(p, b->t, place + b->t.lane, b->t.lane, n, s);
      __syncwarp();
      hear<1, DMASS>(*s, n, lane, b);
    }
  }
}

/* All others, two leaves at a time. */
template <int DMASS>
__device__ void near_others(const esp_cuda_fmm &p, const int *list, int count, sender *s, hearer *b) {
  const int half = b->t.lane / LANES, number = b->t.lane % LANES;
  for (int first = 0; first < count; first += ALL) {
    leaf_of leaf = leaf_at(p, &b->t, list, first + b->t.lane, count);
    if (leaf.within) leaf.count = 0;
    for (int k = 0; k < ALL && first + k < count; k += 2) {
      const int place = __shfl_sync(~0u, leaf.place, k + half), mine = __shfl_sync(~0u, leaf.count, k + half);
      __syncwarp();
      if (number < mine) stage_body(p, b->t, place + number, number, mine, s + half);
      __syncwarp();
      for (int h = 0; h < 2; h++) hear<0, DMASS>(s[h], __shfl_sync(~0u, leaf.count, k + h), 0, b);
    }
  }
}

template <int DMASS>
__device__ void near_lists(const esp_cuda_fmm &p, const int *list, int count, sender *s, hearer *b) {
  for (int first = 0; first < count;) {
    const int n = chunk_of(p, list + first, count - first, &b->t);
    near_own<DMASS>(p, list + first, n, s, b);
    near_others<DMASS>(p, list + first, n, s, b);
    settle(&b->t);
    first += n;
  }
}

/* ---- in float64 ---- */

__device__ void wide_lists(const esp_cuda_fmm &p, const esp_cuda_fmm_lists &of, const hearer &b, double *sum) {
  const int self = b.t.place;
  const double x[3] = {p.x[0][self], p.x[1][self], p.x[2][self]};
  const int *cells = of.list + of.expand, *leaves = cells + of.cell;
  for (int a = 0; a < 4; a++) sum[a] = 0;
  for (int k = 0; k < of.near_leaves; k++) {
    const int begin = place_of(p, leaves[k]), end = begin + (int)p.cell[leaves[k]].count;
    for (int j = begin; j < end; j++) {
      const double y[3] = {p.x[0][j], p.x[1][j], p.x[2][j]};
      if (j != self) adjoint_wide_body(p.eps2, x, b.sent, y, p.sent + (size_t)j * SENT, sum);
    }
  }
  for (int k = 0; k < of.cell; k++) {
    const esp_fmm_cell &cell = p.cell[cells[k]];
    const int itself = cell.count == 1 && cell.first == p.cell[of.row].first + (self - b.t.first);
    if (!itself) adjoint_wide_cell(p.order, p.eps2, &cell, moments_of(p, cells[k]), x, b.sent, sum);
  }
}

template <int P, int DMASS>
__global__ void __launch_bounds__(THREADS) bodies_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_lists *lists,
                                                         const float *L, double *vector, double *potential) {
  __shared__ room rooms[WARPS];
  const int warp = threadIdx.x / ALL, i = blockIdx.x * WARPS + warp;
  if (i >= count) return;
  const esp_cuda_fmm_lists &of = lists[i];
  hearer b = hearer_start(p, of);
  float far[4] = {0, 0, 0, 0};
  double sum[4];
  adjoint_apply_at(P, L + (size_t)i * LONGEST, b.t.x, b.g, b.mass, far);
  cells_on<P, DMASS>(p, of, rooms + warp, &b);
  near_lists<DMASS>(p, of.list + of.expand + of.cell, of.near_leaves, rooms[warp].leaf, &b);
  const int wide = wants_wide(b.t);
  if (wide) wide_lists(p, of, b, sum);
  if (wide && b.t.lane == 0) atomicAdd(p.count + ESP_CUDA_FMM_EXACT, (unsigned long long)b.t.count);
  for (int a = 0; a < 4; a++) {
    const double unit = a < 3 ? b.t.f.inverse * b.t.f.inverse * b.t.f.inverse : b.t.f.inverse * b.t.f.inverse;
    const double here = b.alone && a < 3 ? unit * b.sent[0] : unit;
    sum[a] = (wide ? sum[a] : b.t.total[a] * (here * adjoint_unit)) + (double)far[a] * here;
  }
  deliver(p, b.t, sum, vector, potential);
}

/* ---- launches ---- */

const routines by_order[] = {ROW(3), ROW(4), ROW(5)};

}  // namespace

int esp_cuda_fmm_adjoint_expand(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of,
                                const esp_cuda_fmm_lists *above, const float *from, float *L) {
  const routines &by = by_order[p->order - 3];
  ESP_LAUNCH(by.move, blocks_of(count), THREADS, 0, 0, *p, count, of, above, from, L);
  ESP_LAUNCH(by.expand, blocks_of((int64_t)count * LANES), THREADS, 0, 0, *p, count, of, L);
  return ESP_OK;
}

int esp_cuda_fmm_adjoint_bodies(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_lists *of, const float *L,
                                double *vector, double *potential) {
  const routines &by = by_order[p->order - 3];
  ESP_LAUNCH(by.bodies[potential != nullptr], blocks_of((int64_t)count * ALL), THREADS, 0, 0, *p, count, of, L, vector,
             potential);
  return ESP_OK;
}
