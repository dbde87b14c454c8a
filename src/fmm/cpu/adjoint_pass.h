/* Receivers of the backward pass. Text of pass.c. */
#include "fmm/cpu/adjoint_near.h"

typedef void (*adjoint_cell_routine)(esp_adjoint_lanes *b, float eps2, int count, esp_adjoint_cell *cell);

/* Of one order; cells: [dL/dm wanted]. */
typedef struct {
  order_routines shared;
  void (*apply)(const float *L, esp_adjoint_lanes *b);
  adjoint_cell_routine cells[2];
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
                                                          esp_adjoint_cell *cell) {                                    \
    adjoint_cells(P, 0, b, eps2, count, cell);                                                                         \
  }                                                                                                                    \
  static __attribute__((noinline)) void adjoint_cells_both_##P(esp_adjoint_lanes *b, float eps2, int count,            \
                                                               esp_adjoint_cell *cell) {                               \
    adjoint_cells(P, 1, b, eps2, count, cell);                                                                         \
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
    {{adjoint_expand_3, adjoint_move_3, NULL, adjoint_walk_3, adjoint_walk_leaf_3},
     adjoint_apply_3,
     {adjoint_cells_3, adjoint_cells_both_3}},
    {{adjoint_expand_4, adjoint_move_4, NULL, adjoint_walk_4, adjoint_walk_leaf_4},
     adjoint_apply_4,
     {adjoint_cells_4, adjoint_cells_both_4}},
    {{adjoint_expand_5, adjoint_move_5, NULL, adjoint_walk_5, adjoint_walk_leaf_5},
     adjoint_apply_5,
     {adjoint_cells_5, adjoint_cells_both_5}}};

static int adjoint_alone(const esp_fmm_work *w, int first, int count) {
  int alone = 1;
  for (int l = 0; l < count; l++) alone &= adjoint_is_alone(adjoint_sent(w, first + l));
  return alone;
}

static void adjoint_load(const esp_fmm_work *w, int row, const esp_frame *f, esp_adjoint_lanes *b) {
  const int first = esp_fmm_place(&w->tree, row);
  load_lanes(w, row, f, &b->b);
  b->alone = adjoint_alone(w, first, b->b.count);
  for (int l = 0; l < b->b.lanes; l++) {
    const double *sent = adjoint_sent(w, first + (l < b->b.count ? l : 0)), share = b->alone ? 1 / sent[0] : 1;
    b->mass[l] = b->alone ? 1 : (float)sent[0];
    for (int k = 0; k < 3; k++) b->g[k][l] = (float)(sent[1 + k] * share);
  }
}

/* The bodies of a leaf to the end of the stream. */
static int adjoint_stream_leaf(const esp_fmm_work *w, const esp_frame *f, int row, esp_adjoint_stream *stream,
                               int count) {
  const int first = esp_fmm_place(&w->tree, row), bodies = (int)w->tree.cell[row].count;
  for (int k = 0; k < 3; k++) {
    float *restrict to = stream->x[k] + count;
    const double *restrict x = w->x[k] + first, centre = f->centre[k], inverse = f->inverse;
#pragma omp simd
    for (int j = 0; j < bodies; j++) to[j] = (float)((x[j] - centre) * inverse);
  }
  float *restrict to = stream->sent[count];
  const double *restrict sent = adjoint_sent(w, first);
#pragma omp simd
  for (int j = 0; j < ESP_FMM_SENT * bodies; j++) to[j] = (float)sent[j];
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
  const int *list = w->list[ESP_FMM_NEAR];
  const adjoint_near_routines *by = &adjoint_near_by[w->result->potential != NULL][b->alone];
  const adjoint_near_routine others = f->eps2 < too_close ? by->watched : by->plain;
  esp_adjoint_stream stream, inside;
  int n = 0;
  for (int k = 0; k < count; k++) {
    if (k + AHEAD < count) adjoint_leaf_fetch(w, list[k + AHEAD]);
    if (too_far(f, w->tree.cell + list[k])) b->b.closest[0] = 0;
    if (within(w, list[k], row)) {
      const int own = (int)(w->tree.cell[list[k]].first - w->tree.cell[row].first);
      by->own(b, f->eps2, adjoint_stream_leaf(w, f, list[k], &inside, 0), &inside, own);
    } else {
      n = adjoint_stream_leaf(w, f, list[k], &stream, n);
    }
    if (n < ADJOINT_CHUNK) continue;
    others(b, f->eps2, n, &stream, -1);
    settle(&b->b, total);
    n = 0;
  }
  others(b, f->eps2, n, &stream, -1);
  settle(&b->b, total);
}

/* A cell at one place is a body, which may be of the receiver. */
static void adjoint_point(const esp_fmm_work *w, int row, int at, const esp_frame *f, esp_adjoint_lanes *b) {
  const esp_fmm_cell *cell = w->tree.cell + at;
  const float *moment = w->tree.moment + (size_t)at * (size_t)w->moments, *g = DIPOLES(w->order, moment);
  const int own = cell->count == 1 && within(w, at, row);
  esp_adjoint_stream one;
  for (int a = 0; a < 3; a++) {
    one.x[a][0] = (float)((cell->c[a] - f->centre[a]) * f->inverse);
    one.sent[0][1 + a] = g[1 + a];
  }
  one.sent[0][0] = moment[0];
  adjoint_near_by[w->result->potential != NULL][b->alone].own(b, f->eps2, 1, &one,
                                                              own ? (int)(cell->first - w->tree.cell[row].first) : -1);
}

static void adjoint_cell_lists(const esp_fmm_work *w, int row, const esp_frame *f, int count, esp_adjoint_lanes *b,
                               double (*total)[RECEIVERS], adjoint_cell_routine by) {
  esp_adjoint_cell entry[ADJOINT_CELLS];
  int n = 0;
  for (int k = 0; k < count; k++) {
    const int at = w->list[ESP_FMM_CELL][k], own = within(w, at, row) || within(w, row, at);
    const esp_fmm_cell *cell = w->tree.cell + at;
    if (k + 4 < count) __builtin_prefetch(w->tree.moment + (size_t)w->list[ESP_FMM_CELL][k + 4] * (size_t)w->moments);
    if (too_far(f, cell) || (own && f->eps2 < too_close)) b->b.closest[0] = 0;
    if (cell->reach > 0) {
      for (int a = 0; a < 3; a++) entry[n].x[a] = (float)((cell->c[a] - f->centre[a]) * f->inverse);
      entry[n].ratio = esp_fmm_cell_scale(cell->radius) * (float)f->inverse;
      entry[n++].row = w->tree.moment + (size_t)at * (size_t)w->moments;
    } else {
      adjoint_point(w, row, at, f, b);
    }
    if (n < ADJOINT_CELLS && k + 1 < count) continue;
    by(b, f->eps2, n, entry);
    settle(&b->b, total);
    n = 0;
  }
}

static __attribute__((noinline)) void adjoint_wide_lists(const esp_fmm_work *w, int row, const int *counts,
                                                         double (*total)[RECEIVERS]) {
  const int first = esp_fmm_place(&w->tree, row), count = (int)w->tree.cell[row].count;
  for (int l = 0; l < count; l++) {
    const double x[3] = {w->x[0][first + l], w->x[1][first + l], w->x[2][first + l]};
    const double *own = adjoint_sent(w, first + l);
    double sum[4] = {0};
    for (int k = 0; k < counts[ESP_FMM_NEAR]; k++) {
      const int at = w->list[ESP_FMM_NEAR][k], begin = esp_fmm_place(&w->tree, at);
      for (int j = begin; j < begin + w->tree.cell[at].count; j++)
        if (j != first + l)
          adjoint_wide_body(w->eps2, x, own, (double[]){w->x[0][j], w->x[1][j], w->x[2][j]}, adjoint_sent(w, j), sum);
    }
    for (int k = 0; k < counts[ESP_FMM_CELL]; k++) {
      const int at = w->list[ESP_FMM_CELL][k];
      const esp_fmm_cell *cell = w->tree.cell + at;
      const int itself = cell->count == 1 && cell->first == w->tree.cell[row].first + l;
      const float *moment = w->tree.moment + (size_t)at * (size_t)w->moments;
      if (!itself) adjoint_wide_cell(w->order, w->eps2, cell, moment, x, own, sum);
    }
    for (int i = 0; i < 4; i++) total[i][l] = sum[i];
  }
}

/* The bodies of a receiver without children: its expansions, its cells, its near bodies. */
static void adjoint_bodies(pass *p, int row, const esp_frame *f, const float *L, const int *counts) {
  esp_fmm_work *w = p->w;
  const adjoint_routines *by = adjoint_by + w->order - 3;
  const int count = (int)w->tree.cell[row].count, first = esp_fmm_place(&w->tree, row);
  const double unit[4] = {f->inverse * f->inverse * f->inverse, f->inverse * f->inverse * f->inverse,
                          f->inverse * f->inverse * f->inverse, f->inverse * f->inverse};
  esp_adjoint_lanes far, b;
  double sum[4][RECEIVERS] = {{0}};
  float closest = nothing_met;
  fetch_results(w, row);
  for (int k = 0; k < counts[ESP_FMM_NEAR] && k < AHEAD; k++) adjoint_leaf_fetch(w, w->list[ESP_FMM_NEAR][k]);
  adjoint_load(w, row, f, &b);
  far = b;
  by->apply(L, &far);
  adjoint_cell_lists(w, row, f, counts[ESP_FMM_CELL], &b, sum, by->cells[w->result->potential != NULL]);
  spend(p, &w->cost.rest);
  adjoint_near_lists(w, row, f, counts[ESP_FMM_NEAR], &b, sum);
  for (int l = 0; l < count; l++) closest = b.b.closest[l] < closest ? b.b.closest[l] : closest;
  const int wide = closest < too_close;
  w->cost.exact += wide ? count : 0;
  if (wide) adjoint_wide_lists(w, row, counts, sum);
  for (int i = 0; i < 4; i++)
    for (int l = 0; l < count; l++) {
      const double here = b.alone && i < 3 ? unit[i] * adjoint_sent(w, first + l)[0] : unit[i];
      sum[i][l] = (wide ? sum[i][l] : sum[i][l] * (here * adjoint_unit)) + (double)far.b.sum[i][l] * here;
    }
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
