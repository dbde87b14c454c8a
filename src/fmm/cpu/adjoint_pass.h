/* Receivers of the backward pass. Text of pass.c. */
#include "fmm/cpu/adjoint_near.h"

typedef void (*adjoint_cell_routine)(esp_adjoint_lanes *b, float eps2, int count, const esp_adjoint_cell *cell);

/* Of one order. */
typedef struct {
  order_routines shared;
  void (*apply)(const float *L, esp_adjoint_lanes *b);
  adjoint_cell_routine cells;
} adjoint_routines;

#define ADJOINT_ROWS(P)                                                                                                \
  static __attribute__((noinline)) void adjoint_expand_##P(const esp_fmm_work *w, const esp_frame *f, const int *list, \
                                                           int count, float *L) {                                      \
    adjoint_expand_list(P, w, f, list, count, L);                                                                      \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_move_##P(const float *from, const float *d, float shrink, float *to) { \
    adjoint_move(P, from, d, shrink, to);                                                                              \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_apply_##P(const float *L, esp_adjoint_lanes *b) {                      \
    adjoint_apply(P, L, b);                                                                                            \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_cells_##P(esp_adjoint_lanes *b, float eps2, int count,                 \
                                                          const esp_adjoint_cell *cell) {                              \
    adjoint_cells(P, b, eps2, count, cell);                                                                            \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_walk_##P(esp_fmm_work *w, const esp_fmm_node *I,                       \
                                                         const esp_fmm_gate *g, int count, int *counts) {              \
    walk(P, 0, 1, w, I, g, count, counts);                                                                             \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_walk_leaf_##P(esp_fmm_work *w, const esp_fmm_node *I,                  \
                                                              const esp_fmm_gate *g, int count, int *counts) {         \
    walk(P, 1, 1, w, I, g, count, counts);                                                                             \
  }
ADJOINT_ROWS(3)
ADJOINT_ROWS(4)
ADJOINT_ROWS(5)
static const adjoint_routines adjoint_by[] = {
    {{adjoint_expand_3, adjoint_move_3, NULL, adjoint_walk_3, adjoint_walk_leaf_3}, adjoint_apply_3, adjoint_cells_3},
    {{adjoint_expand_4, adjoint_move_4, NULL, adjoint_walk_4, adjoint_walk_leaf_4}, adjoint_apply_4, adjoint_cells_4},
    {{adjoint_expand_5, adjoint_move_5, NULL, adjoint_walk_5, adjoint_walk_leaf_5}, adjoint_apply_5, adjoint_cells_5}};

static void adjoint_load(const esp_fmm_work *w, int row, const esp_frame *f, esp_adjoint_lanes *b) {
  const int first = esp_fmm_place(&w->tree, row);
  load_lanes(w, row, f, &b->b);
  for (int l = 0; l < b->b.lanes; l++) {
    const double *sent = adjoint_sent(w, first + (l < b->b.count ? l : 0));
    b->mass[l] = (float)sent[0];
    for (int k = 0; k < 3; k++) b->g[k][l] = (float)sent[1 + k];
  }
}

/* The bodies of a leaf to the end of the stream. */
static int adjoint_stream_leaf(const esp_fmm_work *w, const esp_frame *f, int row, float *const *stream, int count) {
  const int first = esp_fmm_place(&w->tree, row), bodies = (int)w->tree.cell[row].count;
  for (int k = 0; k < 3; k++) {
    float *restrict to = stream[k] + count;
    const double *restrict x = w->x[k] + first, centre = f->centre[k], inverse = f->inverse;
#pragma omp simd
    for (int j = 0; j < bodies; j++) to[j] = (float)((x[j] - centre) * inverse);
  }
  const double *restrict sent = adjoint_sent(w, first);
  for (int j = 0; j < bodies; j++)
    for (int k = 0; k < ESP_FMM_SENT; k++) stream[3 + k][count + j] = (float)sent[ESP_FMM_SENT * j + k];
  return count + bodies;
}

static void adjoint_leaf_fetch(const esp_fmm_work *w, int row) {
  const int first = esp_fmm_place(&w->tree, row);
  for (int half = 0; half < ESP_FMM_LEAF; half += ESP_FMM_LEAF / 2)
    for (int k = 0; k < 3; k++) __builtin_prefetch(w->x[k] + first + half);
  for (int j = 0; j < ESP_FMM_LEAF; j += 2) __builtin_prefetch(adjoint_sent(w, first + j));
}

static void adjoint_near_lists(const esp_fmm_work *w, int row, const esp_frame *f, int count, esp_adjoint_lanes *b,
                               double (*total)[RECEIVERS]) {
  enum { CHUNK = 256 };
  const int *list = w->list[ESP_FMM_NEAR];
  void (*by)(esp_adjoint_lanes *, float, int, const float *const *, int) =
      f->eps2 < too_close ? adjoint_watched : adjoint_plain;
  float room[ADJOINT_STREAM][CHUNK + ESP_FMM_LEAF];
  float *const stream[ADJOINT_STREAM] = {room[0], room[1], room[2], room[3], room[4], room[5], room[6]};
  const float *const from[ADJOINT_STREAM] = {room[0], room[1], room[2], room[3], room[4], room[5], room[6]};
  int n = 0;
  for (int k = 0; k < count; k++) {
    if (k + AHEAD < count) adjoint_leaf_fetch(w, list[k + AHEAD]);
    if (too_far(f, w->tree.cell + list[k])) b->b.closest[0] = 0;
    if (within(w, list[k], row)) {
      const int own = (int)(w->tree.cell[list[k]].first - w->tree.cell[row].first);
      float alone[ADJOINT_STREAM][ESP_FMM_LEAF];
      float *const to[ADJOINT_STREAM] = {alone[0], alone[1], alone[2], alone[3], alone[4], alone[5], alone[6]};
      const float *const at[ADJOINT_STREAM] = {alone[0], alone[1], alone[2], alone[3], alone[4], alone[5], alone[6]};
      adjoint_own(b, f->eps2, adjoint_stream_leaf(w, f, list[k], to, 0), at, own);
    } else {
      n = adjoint_stream_leaf(w, f, list[k], stream, n);
    }
    if (n < CHUNK) continue;
    by(b, f->eps2, n, from, -1);
    settle(&b->b, total);
    n = 0;
  }
  by(b, f->eps2, n, from, -1);
  settle(&b->b, total);
}

/* A row in units of a node; ratio: of the scales, a power of two. */
static void adjoint_row_in(const esp_fmm_work *w, int at, float ratio, float *to) {
  const int order = w->order;
  const float *from = w->tree.moment + (size_t)at * (size_t)w->moments;
  float power = 1;
  for (int n = 0; n <= order - 1; n++, power *= ratio) {
    for (int t = TERMS(n - 1); t < TERMS(n) && n <= order - 2; t++) to[t] = from[t] * power;
    for (int t = TERMS(n); t < TERMS(n + 1) && n <= order - 2; t++)
      DIPOLES(order, to)[t] = DIPOLES(order, from)[t] * power;
  }
}

/* A cell at one place is a body, which may be of the receiver. */
static void adjoint_point(const esp_fmm_work *w, int row, int at, const esp_frame *f, esp_adjoint_lanes *b) {
  const esp_fmm_cell *cell = w->tree.cell + at;
  const float *moment = w->tree.moment + (size_t)at * (size_t)w->moments, *g = DIPOLES(w->order, moment) + 1;
  float x[3];
  for (int a = 0; a < 3; a++) x[a] = (float)((cell->c[a] - f->centre[a]) * f->inverse);
  const float *const stream[ADJOINT_STREAM] = {x, x + 1, x + 2, moment, g, g + 1, g + 2};
  const int own = cell->count == 1 && within(w, at, row);
  adjoint_own(b, f->eps2, 1, stream, own ? (int)(cell->first - w->tree.cell[row].first) : -1);
}

static void adjoint_cell_lists(const esp_fmm_work *w, int row, const esp_frame *f, int count, esp_adjoint_lanes *b,
                               double (*total)[RECEIVERS], adjoint_cell_routine by) {
  enum { CHUNK = 16 };
  esp_adjoint_cell entry[CHUNK];
  int n = 0;
  for (int k = 0; k < count; k++) {
    const int at = w->list[ESP_FMM_CELL][k], own = within(w, at, row) || within(w, row, at);
    const esp_fmm_cell *cell = w->tree.cell + at;
    if (k + 4 < count) __builtin_prefetch(w->tree.moment + (size_t)w->list[ESP_FMM_CELL][k + 4] * (size_t)w->moments);
    if (too_far(f, cell) || (own && f->eps2 < too_close)) b->b.closest[0] = 0;
    if (cell->reach > 0) {
      for (int a = 0; a < 3; a++) entry[n].x[a] = (float)((cell->c[a] - f->centre[a]) * f->inverse);
      adjoint_row_in(w, at, esp_fmm_cell_scale(cell->radius) * (float)f->inverse, entry[n++].row);
    } else {
      adjoint_point(w, row, at, f, b);
    }
    if (n < CHUNK && k + 1 < count) continue;
    by(b, f->eps2, n, entry);
    settle(&b->b, total);
    n = 0;
  }
}

static void adjoint_wide_lists(const esp_fmm_work *w, int row, const int *counts, double (*total)[RECEIVERS]) {
  const int first = esp_fmm_place(&w->tree, row), count = (int)w->tree.cell[row].count;
  for (int l = 0; l < count; l++) {
    double sum[4] = {0};
    for (int k = 0; k < counts[ESP_FMM_NEAR]; k++) {
      const int at = w->list[ESP_FMM_NEAR][k], begin = esp_fmm_place(&w->tree, at);
      for (int j = begin; j < begin + w->tree.cell[at].count; j++)
        if (j != first + l)
          adjoint_wide_body(w, first + l, (double[]){w->x[0][j], w->x[1][j], w->x[2][j]}, adjoint_sent(w, j), sum);
    }
    for (int k = 0; k < counts[ESP_FMM_CELL]; k++) {
      const esp_fmm_cell *cell = w->tree.cell + w->list[ESP_FMM_CELL][k];
      const int itself = cell->count == 1 && cell->first == w->tree.cell[row].first + l;
      if (!itself) adjoint_wide_cell(w, w->list[ESP_FMM_CELL][k], first + l, sum);
    }
    for (int i = 0; i < 4; i++) total[i][l] = sum[i];
  }
}

/* The bodies of a receiver without children: its expansions, its cells, its near bodies. */
static void adjoint_bodies(pass *p, int row, const esp_frame *f, const float *L, const int *counts) {
  esp_fmm_work *w = p->w;
  const adjoint_routines *by = adjoint_by + w->order - 3;
  const int count = (int)w->tree.cell[row].count;
  const double unit[4] = {f->inverse * f->inverse * f->inverse, f->inverse * f->inverse * f->inverse,
                          f->inverse * f->inverse * f->inverse, f->inverse * f->inverse};
  esp_adjoint_lanes far, b;
  double sum[4][RECEIVERS] = {{0}};
  float closest = 0x1p100f;
  fetch_results(w, row);
  for (int k = 0; k < counts[ESP_FMM_NEAR] && k < AHEAD; k++) adjoint_leaf_fetch(w, w->list[ESP_FMM_NEAR][k]);
  adjoint_load(w, row, f, &b);
  far = b;
  by->apply(L, &far);
  adjoint_cell_lists(w, row, f, counts[ESP_FMM_CELL], &b, sum, by->cells);
  spend(p, &w->cost.rest);
  adjoint_near_lists(w, row, f, counts[ESP_FMM_NEAR], &b, sum);
  for (int l = 0; l < count; l++) closest = b.b.closest[l] < closest ? b.b.closest[l] : closest;
  const int wide = closest < too_close;
  w->cost.exact += wide ? count : 0;
  if (wide) adjoint_wide_lists(w, row, counts, sum);
  for (int i = 0; i < 4; i++)
    for (int l = 0; l < count; l++)
      sum[i][l] = (wide ? sum[i][l] : sum[i][l] * unit[i]) + (double)far.b.sum[i][l] * unit[i];
  spend(p, &w->cost.near);
  deliver(p, row, (const double(*)[RECEIVERS])sum);
  spend(p, &w->cost.rest);
}

static int adjoint_all(esp_fmm_work *w) {
  pass p = {.w = w,
            .by = &adjoint_by[w->order - 3].shared,
            .bodies = adjoint_bodies,
            .unit = w->adjoint->dposition,
            .unit_potential = w->adjoint->dmass,
            .timed = w->result->cost != NULL,
            .last = esp_wall()};
  w->left[0] = 0;
  return w->first == w->end ? ESP_OK : receive(&p, 0, NULL, NULL, 0, 1);
}
