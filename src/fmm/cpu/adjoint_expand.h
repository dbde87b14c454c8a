/* The backward pass's expansions and cells (fmm/pairs/adjoint.h) on the CPU's lanes. Text of pass.c. */
#include "fmm/adjoint_work.h"
#include "fmm/pairs/adjoint.h"

_Static_assert((int)ADJOINT_ROW == (int)ESP_FMM_ADJOINT_ROW && (int)SENT == (int)ESP_FMM_SENT, "rows are these");

ESP_INLINE void adjoint_expand_lanes(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list,
                                     fv *L) {
  const float *row[WIDTH];
  fv c[4], M[ESP_FMM_ADJOINT_ROW], x[3];
  for (int l = 0; l < WIDTH; l++) row[l] = &w->tree.cell[list[l]].mass;
  fv_columns(row, c);
  places(w, f, list, x);
  for (int l = 0; l < WIDTH; l++) row[l] = w->tree.moment + (size_t)list[l] * (size_t)w->moments;
  ESP_UNROLL
  for (int k = 0; k < TERMS(order - 2) + TERMS(order - 1) - 1; k += 4) {
    fv_columns(row, M + k);
    for (int l = 0; l < WIDTH; l++) row[l] += 4;
  }
  adjoint_expand_cells(order, (float)f->inverse, f->eps2, c[1], x, M, L);
}

/* L += the cells of a list, padded to LANES, each in the lane of its number. */
ESP_INLINE void adjoint_expand_list(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list,
                                    int count, float *L) {
  float lane[LONGEST][LANES];
  for (int first = 0; first < LANES; first += WIDTH) {
    fv sum[LONGEST];
    for (int t = 0; t < LONGEST; t++) sum[t] = fv_all(0);
    for (int k = 0; k < count; k += LANES) adjoint_expand_lanes(order, w, f, list + k + first, sum);
    for (int t = 0; t < LONGEST; t++) fv_store(lane[t] + first, sum[t]);
  }
  for (int t = 4; t < TERMS(order); t++) L[t] += lanes_sum(lane[t]);
  for (int t = PSI; t < PSI + TERMS(order - 1); t++) L[t] += lanes_sum(lane[t]);
}

/* Bodies of one receiver, beside their places and sums: dL/dy [3], dL/dm with its sign turned. alone: g, and what comes of it,
 * is told over the body's mass, and `mass` is 1. */
typedef struct {
  esp_lanes b;
  int alone;
  float g[3][RECEIVERS], mass[RECEIVERS];
} esp_adjoint_lanes;

/* Sums of bodies += the expansion of their node. */
ESP_INLINE void adjoint_apply(const int order, const float *L, esp_adjoint_lanes *b) {
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], g[3], sum[4];
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->b.x[a] + lane);
    for (int a = 0; a < 3; a++) g[a] = fv_load(b->g[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    adjoint_apply_at(order, L, x, g, fv_load(b->mass + lane), sum);
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
  }
}

ESP_INLINE void adjoint_cells(const int order, const int dmass, esp_adjoint_lanes *b, float eps2, int count,
                              esp_adjoint_cell *cell) {
  for (int j = 0; j < count; j++) adjoint_tensor(order, cell + j);
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], sum[4], times[ESP_FMM_ORDER_MAX][3], closest = fv_load(b->b.closest + lane);
    const fv m = fv_load(b->mass + lane);
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->b.x[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int c = 1; c < order; c++)
      for (int a = 0; a < 3; a++) times[c][a] = fv_all((float)c) * fv_load(b->g[a] + lane);
    for (int j = 0; j < count; j++)
      adjoint_cell(order, dmass, eps2, cell + j, x, (const fv(*)[3])times, m, sum, &closest);
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}
