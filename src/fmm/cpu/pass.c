#include "fmm/cpu/walk.h"
#include "fmm/pairs/adjoint.h"

/* Expansions and lists of one order. */
typedef struct {
  void (*expand)(const esp_fmm_work *w, const esp_frame *f, const int *list, int count, float *L);
  void (*move)(const float *from, const float *d, float shrink, float *to);
  void (*apply)(const float *L, esp_lanes *b);
  void (*walk)(esp_fmm_work *w, const esp_fmm_node *I, const esp_fmm_gate *g, int count, int *counts);
  void (*walk_leaf)(esp_fmm_work *w, const esp_fmm_node *I, const esp_fmm_gate *g, int count, int *counts);
} order_routines;

ESP_INLINE void apply_lanes(const int order, const float *L, esp_lanes *b) {
  for (int lane = 0; lane < b->lanes; lane += WIDTH) {
    fv x[3], sum[4];
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->x[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->sum[a] + lane);
    apply(order, L, x, sum);
    for (int a = 0; a < 4; a++) fv_store(b->sum[a] + lane, sum[a]);
  }
}

#define ORDER_ROWS(P)                                                                                                \
  static __attribute__((noinline)) void expand_##P(const esp_fmm_work *w, const esp_frame *f, const int *list,       \
                                                   int count, float *L) {                                            \
    expand_list(P, w, f, list, count, L);                                                                            \
  }                                                                                                                  \
  static __attribute__((noinline)) void move_##P(const float *from, const float *d, float shrink, float *to) {       \
    move(P, from, d, shrink, to);                                                                                    \
  }                                                                                                                  \
  static __attribute__((noinline)) void apply_##P(const float *L, esp_lanes *b) {                                    \
    apply_lanes(P, L, b);                                                                                            \
  }                                                                                                                  \
  static __attribute__((noinline)) void walk_##P(esp_fmm_work *w, const esp_fmm_node *I, const esp_fmm_gate *g,      \
                                                 int count, int *counts) {                                           \
    walk(P, 0, 0, w, I, g, count, counts);                                                                           \
  }                                                                                                                  \
  static __attribute__((noinline)) void walk_leaf_##P(esp_fmm_work *w, const esp_fmm_node *I, const esp_fmm_gate *g, \
                                                      int count, int *counts) {                                      \
    walk(P, 1, 0, w, I, g, count, counts);                                                                           \
  }
ORDER_ROWS(2)
ORDER_ROWS(3)
ORDER_ROWS(4)
ORDER_ROWS(5)
static const order_routines routines[] = {{expand_2, move_2, apply_2, walk_2, walk_leaf_2},
                                          {expand_3, move_3, apply_3, walk_3, walk_leaf_3},
                                          {expand_4, move_4, apply_4, walk_4, walk_leaf_4},
                                          {expand_5, move_5, apply_5, walk_5, walk_leaf_5}};

typedef struct pass pass;
struct pass {
  esp_fmm_work *w;
  const order_routines *by;
  /* A receiver without children. */
  void (*bodies)(pass *p, int row, const esp_frame *f, const float *L, const int *counts);
  double unit, unit_potential;
  int timed;
  double last;
};

/* Seconds since the last call go to *to. */
static void spend(pass *p, double *to) {
  if (!p->timed) return;
  const double now = esp_wall();
  *to += now - p->last;
  p->last = now;
}

/* ---- a receiver's bodies ---- */

static void load_lanes(const esp_fmm_work *w, int row, const esp_frame *f, esp_lanes *b) {
  const int first = esp_fmm_place(&w->tree, row);
  memset(b->sum, 0, sizeof b->sum);
  b->count = (int)w->tree.cell[row].count;
  b->lanes = (b->count + LANES - 1) / LANES * LANES;
  for (int a = 0; a < 3; a++) {
    for (int l = 0; l < b->lanes; l++) {
      const int i = first + (l < b->count ? l : 0);
      b->x[a][l] = (float)((w->x[a][i] - f->centre[a]) * f->inverse);
    }
  }
  for (int l = 0; l < b->lanes; l++) b->closest[l] = nothing_met;
}

/* The bodies of a leaf to the end of the stream. */
static int stream_leaf(const esp_fmm_work *w, const esp_frame *f, int row, float *const *stream, int count) {
  const int first = esp_fmm_place(&w->tree, row), bodies = (int)w->tree.cell[row].count;
  for (int a = 0; a < 3; a++) {
    float *restrict to = stream[a] + count;
    const double *restrict x = w->x[a] + first, centre = f->centre[a], inverse = f->inverse;
#pragma omp simd
    for (int j = 0; j < bodies; j++) to[j] = (float)((x[j] - centre) * inverse);
  }
  float *restrict to = stream[3] + count;
  const double *restrict m = w->mass + first;
#pragma omp simd
  for (int j = 0; j < bodies; j++) to[j] = (float)m[j];
  return count + bodies;
}

/* Whether a node's bodies are among those of another. */
static int within(const esp_fmm_work *w, int row, int of) {
  return cell_within(w->tree.cell + row, w->tree.cell + of);
}

/* Sums in float32 of a chunk to those in float64: a long list would lose digits in float32. */
static void settle(esp_lanes *b, double (*total)[RECEIVERS]) {
  for (int a = 0; a < 4; a++) {
#pragma omp simd
    for (int l = 0; l < b->lanes; l++) {
      total[a][l] += (double)b->sum[a][l];
      b->sum[a][l] = 0;
    }
  }
}

/* They are far apart in memory: as many leaves ahead as a chunk of the stream holds. Inline, as compilers drop calls that do
 * nothing but fetch. */
enum { AHEAD = 16 };
ESP_INLINE void leaf_fetch(const esp_fmm_work *w, int row) {
  const int first = esp_fmm_place(&w->tree, row);
  for (int half = 0; half < ESP_FMM_LEAF; half += ESP_FMM_LEAF / 2) {
    for (int a = 0; a < 3; a++) __builtin_prefetch(w->x[a] + first + half);
    __builtin_prefetch(w->mass + first + half);
  }
}

static void near_lists(const esp_fmm_work *w, int row, const esp_frame *f, int count, esp_lanes *b,
                       double (*total)[RECEIVERS]) {
  const near_routine *by = near_routines[w->result->potential != NULL];
  const int *list = w->list[ESP_FMM_NEAR], watched = f->eps2 < too_close;
  float place[4][NEAR_CHUNK + ESP_FMM_LEAF];
  float *const stream[4] = {place[0], place[1], place[2], place[3]};
  const float *const from[4] = {place[0], place[1], place[2], place[3]};
  int n = 0;
  for (int k = 0; k < count; k++) { /* a body is left out of its own sums: it may be far heavier than all of them */
    if (!within(w, list[k], row)) continue;
    stream_leaf(w, f, list[k], stream, 0);
    by[2](b, f->eps2, (int)w->tree.cell[list[k]].count, from,
          (int)(w->tree.cell[list[k]].first - w->tree.cell[row].first));
  }
  for (int k = 0; k < count; k++) {
    if (k + AHEAD < count) leaf_fetch(w, list[k + AHEAD]);
    if (too_far(f, w->tree.cell + list[k])) b->closest[0] = 0;
    if (!within(w, list[k], row)) n = stream_leaf(w, f, list[k], stream, n);
    if (n < NEAR_CHUNK) continue;
    by[watched](b, f->eps2, n, from, -1);
    settle(b, total);
    n = 0;
  }
  by[watched](b, f->eps2, n, from, -1);
  settle(b, total);
}

static void cell_lists(const esp_fmm_work *w, int row, const esp_frame *f, int count, esp_lanes *b,
                       double (*total)[RECEIVERS]) {
  esp_cell_entry entry[CELL_CHUNK];
  for (int k = 0; k < count; k += CELL_CHUNK) {
    const int n = count - k < CELL_CHUNK ? count - k : CELL_CHUNK;
    for (int j = 0; j < n; j++) {
      const int at = w->list[ESP_FMM_CELL][k + j], own = within(w, at, row) || within(w, row, at);
      const esp_fmm_cell *cell = w->tree.cell + at;
      if (too_far(f, cell) || (own && f->eps2 < too_close)) b->closest[0] = 0;
      cell_entry(cell, w->tree.moment + (size_t)at * (size_t)w->moments, f, entry + j);
    }
    cells_on_lanes(b, f->eps2, n, entry);
    settle(b, total);
  }
}

/* ---- results ---- */

ESP_INLINE void fetch_results(const esp_fmm_work *w, int row) {
  const int first = esp_fmm_place(&w->tree, row);
  for (int l = 0; l < w->tree.cell[row].count; l++) {
    const int i = w->body[first + l].body;
    if (w->result->acceleration) __builtin_prefetch(w->result->acceleration + i, 1);
    if (w->result->potential) __builtin_prefetch(w->result->potential + i, 1);
    __builtin_prefetch(w->body + first + l + ESP_FMM_RECEIVERS);
  }
}

static void deliver(const pass *p, int row, const double (*sum)[RECEIVERS]) {
  const esp_fmm_work *w = p->w;
  const int first = esp_fmm_place(&w->tree, row);
  const unsigned char *active = w->share.extra.active;
  for (int l = 0; l < w->tree.cell[row].count; l++) {
    const int i = w->body[first + l].body;
    if (active && !active[i]) continue;
    for (int a = 0; a < 3 && w->result->acceleration; a++) w->result->acceleration[i][a] = p->unit * sum[a][l];
    if (w->result->potential) w->result->potential[i] = -p->unit_potential * sum[3][l];
  }
}

/* Near bodies and cells in float64. */
static void wide_lists(const esp_fmm_work *w, int row, const int *counts, esp_wide_lanes *b) {
  const int first = esp_fmm_place(&w->tree, row), count = (int)w->tree.cell[row].count;
  for (int a = 0; a < 3; a++)
    for (int l = 0; l < count; l++) b->x[a][l] = w->x[a][first + l];
  for (int k = 0; k < counts[ESP_FMM_NEAR]; k++) {
    const int at = w->list[ESP_FMM_NEAR][k], begin = esp_fmm_place(&w->tree, at);
    for (int j = begin; j < begin + w->tree.cell[at].count; j++)
      wide_body_on(b, w->eps2, (double[]){w->x[0][j], w->x[1][j], w->x[2][j]}, w->mass[j], j - first);
  }
  for (int k = 0; k < counts[ESP_FMM_CELL]; k++) {
    const int at = w->list[ESP_FMM_CELL][k];
    double Q[6];
    wide_moments(w->tree.cell + at, w->tree.moment + (size_t)at * (size_t)w->moments, Q);
    wide_cell_on(b, w->eps2, w->tree.cell[at].c, (double)w->tree.cell[at].mass, Q);
  }
}

/* A softened body that is not near itself is in a cell, or in a cell that was expanded: its part of the potential. */
static void leave_out_itself(const esp_fmm_work *w, int row, int near, double *potential) {
  const int first = esp_fmm_place(&w->tree, row), count = (int)w->tree.cell[row].count;
  int is_near[RECEIVERS] = {0};
  if (!w->result->potential || w->eps2 <= 0) return;
  for (int k = 0; k < near; k++) {
    const int at = w->list[ESP_FMM_NEAR][k], begin = esp_fmm_place(&w->tree, at);
    for (int l = 0; l < count; l++) is_near[l] |= begin <= first + l && first + l < begin + w->tree.cell[at].count;
  }
  for (int l = 0; l < count; l++)
    if (!is_near[l]) potential[l] -= w->mass[first + l] / w->scale.softening;
}

/* The bodies of a receiver without children: its expansion, its cells, its near bodies. */
static void receive_bodies(pass *p, int row, const esp_frame *f, const float *L, const int *counts) {
  esp_fmm_work *w = p->w;
  const int count = (int)w->tree.cell[row].count;
  const double acceleration = f->inverse * f->inverse, potential = f->inverse;
  esp_lanes far, b;
  double sum[4][RECEIVERS] = {{0}};
  float closest = nothing_met;
  fetch_results(w, row);
  for (int k = 0; k < counts[ESP_FMM_NEAR] && k < AHEAD; k++) leaf_fetch(w, w->list[ESP_FMM_NEAR][k]);
  load_lanes(w, row, f, &b);
  far = b;
  p->by->apply(L, &far);
  cell_lists(w, row, f, counts[ESP_FMM_CELL], &b, sum);
  spend(p, &w->cost.rest);
  near_lists(w, row, f, counts[ESP_FMM_NEAR], &b, sum);
  for (int l = 0; l < count; l++) closest = b.closest[l] < closest ? b.closest[l] : closest;
  if (closest < too_close) {
    esp_wide_lanes wide = {0};
    wide_lists(w, row, counts, &wide);
    w->cost.exact += count;
    for (int l = 0; l < count; l++) {
      for (int a = 0; a < 3; a++) sum[a][l] = wide.sum[a][l] + (double)far.sum[a][l] * acceleration;
      sum[3][l] = wide.sum[3][l] + (double)far.sum[3][l] * potential;
    }
  } else {
    for (int l = 0; l < count; l++) {
      for (int a = 0; a < 3; a++) sum[a][l] = (sum[a][l] + (double)far.sum[a][l]) * acceleration;
      sum[3][l] = (sum[3][l] + (double)far.sum[3][l]) * potential;
    }
  }
  leave_out_itself(w, row, counts[ESP_FMM_NEAR], sum[3]);
  spend(p, &w->cost.near);
  deliver(p, row, (const double(*)[RECEIVERS])sum);
  spend(p, &w->cost.rest);
}

/* ---- the walk down ---- */

static void tell(const esp_fmm_work *w, int row, const int *counts) {
  const esp_fmm_witness *to = w->result->witness;
  for (int kind = 0; to && kind < ESP_FMM_KINDS; kind++)
    for (int k = 0; k < counts[kind]; k++) {
      const esp_fmm_cell *I = w->tree.cell + row, *J = w->tree.cell + w->list[kind][k];
      to->entry(to->context, (esp_fmm_kind)kind, I->first, I->count, J->first, J->count);
    }
}

static void count_costs(esp_fmm_work *w, int row, const int *counts) {
  w->cost.nodes++;
  w->cost.expansions += counts[ESP_FMM_EXPAND];
  w->cost.cell_pairs += counts[ESP_FMM_CELL] * w->tree.cell[row].count;
  for (int k = 0; k < counts[ESP_FMM_NEAR]; k++) {
    const esp_fmm_cell *J = w->tree.cell + w->list[ESP_FMM_NEAR][k];
    w->cost.near_pairs += J->count * w->tree.cell[row].count;
    w->missing += J->right == -w->bodies_held && J->count > 0 && w->bodies_held > 0;
  }
}

/* Whether any of a node's bodies that are held is active. */
static int is_active(const esp_fmm_work *w, const esp_fmm_cell *I) {
  if (!w->active) return 1;
  const int64_t held = w->top.node[w->top.piece[w->share.piece[0].number]].first;
  const int64_t first = I->first - held, end = first + I->count;
  return w->active[end < w->n ? end : w->n] > w->active[first > 0 ? first : 0];
}

/* The parent's frame and expansion; NULL: none. left [first, first + count) of w->left: what it left. */
static int receive(pass *p, int row, const esp_frame *above, const float *from, size_t first, int count) {
  esp_fmm_work *w = p->w;
  const esp_fmm_node *I = w->tree.node + row;
  if (w->tree.cell[row].first >= w->end || w->tree.cell[row].first + w->tree.cell[row].count <= w->first) return ESP_OK;
  if (!is_active(w, w->tree.cell + row)) return ESP_OK;
  const int leaf = w->tree.cell[row].count <= ESP_FMM_RECEIVERS;
  const double least = I->least > w->floor ? I->least : w->floor;
  const double scale = scale_of(I->radius, w->scale.softening, above ? 1 / above->inverse : 1);
  const esp_fmm_gate gate = esp_fmm_gate_make(w->order + w->method->gate_order, I->radius, w->tolerance * least);
  const esp_frame f = frame_of(I, w->scale.softening, scale);
  float L[LONGEST] = {0};
  int counts[VERDICTS];
  memcpy(w->queue, w->left + first, (size_t)count * sizeof *w->queue);
  (leaf ? p->by->walk_leaf : p->by->walk)(w, I, &gate, count, counts);
  tell(w, row, counts);
  count_costs(w, row, counts);
  spend(p, &w->cost.walk);
  for (int kind = ESP_FMM_EXPAND; kind <= ESP_FMM_CELL; kind++) /* they are far apart in memory */
    for (int k = 0; k < counts[kind]; k++)
      __builtin_prefetch(w->tree.moment + (size_t)w->list[kind][k] * (size_t)w->moments);
  if (above) {
    float d[3];
    for (int a = 0; a < 3; a++) d[a] = (float)((f.centre[a] - above->centre[a]) * above->inverse);
    p->by->move(from, d, (float)(scale * above->inverse), L);
  }
  if (counts[ESP_FMM_EXPAND]) {
    int *list = w->list[ESP_FMM_EXPAND];
    for (int k = 0; k < LANES; k++) list[counts[ESP_FMM_EXPAND] + k] = w->tree.rows;
    p->by->expand(w, &f, list, counts[ESP_FMM_EXPAND], L);
  }
  spend(p, &w->cost.expand);
  if (leaf) {
    p->bodies(p, row, &f, L, counts);
    return ESP_OK;
  }
  first += (size_t)count;
  if (first + (size_t)counts[KEEP] > w->left_capacity)
    ESP_CALL(ESP_GROW(w->left, w->left_capacity, first + (size_t)counts[KEEP]));
  if (counts[KEEP]) memcpy(w->left + first, w->list[KEEP], (size_t)counts[KEEP] * sizeof *w->left);
  const int kept = counts[KEEP];
  ESP_CALL(receive(p, row + 1, &f, L, first, kept));
  return receive(p, w->tree.cell[row].right, &f, L, first, kept);
}

/* ---- the row ---- */

static int estimate_all(esp_fmm_work *w) {
  for (int k = 0; k < w->share.pieces; k++)
    find_least(w, w->share.piece[k].row, -1, esp_fmm_scale_acceleration(&w->scale));
  return ESP_OK;
}

static int receive_all(esp_fmm_work *w) {
  pass p = {.w = w,
            .by = routines + w->order - ESP_FMM_ORDER_MIN,
            .bodies = receive_bodies,
            .unit = esp_fmm_scale_acceleration(&w->scale),
            .unit_potential = esp_fmm_scale_potential(&w->scale),
            .timed = w->result->cost != NULL,
            .last = esp_wall()};
  w->left[0] = 0;
  return w->first == w->end ? ESP_OK : receive(&p, 0, NULL, NULL, 0, 1);
}

#include "fmm/cpu/adjoint_pass.h"
#include "fmm/cpu/row.h"
