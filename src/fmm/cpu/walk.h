/* Lists and |a|, sixteen cells at once, in float64 by plain sums, products, quotients and roots: the decisions of the
 * specification bit by bit. Text of pass.c. */
#include "fmm/cpu/near.h"

enum { OPEN = ESP_FMM_OPEN, KEEP = ESP_FMM_KEEP, VERDICTS = ESP_FMM_VERDICTS };

/* Sixteen cells, transposed. */
typedef struct {
  double c[3][LANES], mass[LANES], radius[LANES], b2[LANES], b4[LANES], reach[LANES], parent[LANES];
  int64_t first[LANES], end[LANES]; /* slots, where moments are not wanted */
} esp_sixteen;

ESP_INLINE void slots(const esp_fmm_cell *cell, esp_sixteen *s, int l) {
  s->first[l] = cell->first;
  s->end[l] = cell->first + cell->count;
}

#if ESP_WIDTH > 1
ESP_INLINE void load_four(const esp_fmm_cell *const *cell, int l, const int with_moments, esp_sixteen *s) {
  __m256d c[4];
  dv_columns(cell[0]->c, cell[1]->c, cell[2]->c, cell[3]->c, c);
  for (int a = 0; a < 3; a++) _mm256_storeu_pd(s->c[a] + l, c[a]);
  /* the fourth column: mass and radius of each */
  const __m256 both = _mm256_castpd_ps(c[3]);
  const __m128 low = _mm256_castps256_ps128(both), high = _mm256_extractf128_ps(both, 1);
  _mm256_storeu_pd(s->mass + l, _mm256_cvtps_pd(_mm_shuffle_ps(low, high, 0x88)));
  _mm256_storeu_pd(s->radius + l, _mm256_cvtps_pd(_mm_shuffle_ps(low, high, 0xdd)));
  _mm256_storeu_pd(s->parent + l,
                   _mm256_cvtepi32_pd(_mm_setr_epi32(cell[0]->right, cell[1]->right, cell[2]->right, cell[3]->right)));
  if (!with_moments) {
    for (int k = 0; k < 4; k++) slots(cell[k], s, l + k);
    return;
  }
  __m128 row[4];
  for (int k = 0; k < 4; k++) row[k] = _mm_loadu_ps(&cell[k]->b2);
  _MM_TRANSPOSE4_PS(row[0], row[1], row[2], row[3]);
  _mm256_storeu_pd(s->b2 + l, _mm256_cvtps_pd(row[0]));
  _mm256_storeu_pd(s->b4 + l, _mm256_cvtps_pd(row[1]));
  _mm256_storeu_pd(s->reach + l, _mm256_cvtps_pd(row[2]));
}
#else
ESP_INLINE void load_four(const esp_fmm_cell *const *cell, int first, const int with_moments, esp_sixteen *s) {
  for (int k = 0; k < 4; k++) {
    const int l = first + k;
    for (int a = 0; a < 3; a++) s->c[a][l] = cell[k]->c[a];
    s->mass[l] = (double)cell[k]->mass;
    s->radius[l] = (double)cell[k]->radius;
    s->parent[l] = cell[k]->right;
    if (!with_moments) slots(cell[k], s, l);
    if (!with_moments) continue;
    s->b2[l] = (double)cell[k]->b2;
    s->b4[l] = (double)cell[k]->b4;
    s->reach[l] = (double)cell[k]->reach;
  }
}
#endif

/* Fours that hold any of `count` cells; those behind them are the one without mass. */
ESP_INLINE void load_sixteen(const esp_fmm_work *w, const int *row, int count, const int with_moments, esp_sixteen *s) {
  const esp_fmm_cell *cell[LANES];
  for (int l = 0; l < (count + 3) / 4 * 4; l++) cell[l] = w->tree.cell + (l < count ? row[l] : w->tree.rows);
  for (int l = 0; l < count; l += 4) load_four(cell + l, l, with_moments, s);
}

/* A node's children to the end of the queue, which then is so long. */
ESP_INLINE int push_children(esp_fmm_work *w, int row, int count) {
  const int right = w->tree.cell[row].right;
  if (right == w->absent) {
    w->missing++;
    return count;
  }
  w->queue[count] = row + 1;
  w->queue[count + 1] = right;
  __builtin_prefetch(w->tree.cell + row + 1);
  __builtin_prefetch(w->tree.cell + right);
  return count + 2;
}

/* The square of the distance from a node's box, x from its centre. */
ESP_INLINE dv gap_squared(const esp_fmm_node *I, const dv *x) {
  dv D[3];
  for (int a = 0; a < 3; a++) {
    const dv gap = dv_size(x[a]) - dv_all(I->half[a]);
    D[a] = dv_choose(dv_less(dv_all(0), gap), gap, dv_all(0));
  }
  return (D[0] * D[0] + D[1] * D[1]) + D[2] * D[2];
}

/* Rule 3, of the force or of its backward pass: a bound of moments, and the power of the distance that it goes with. */
ESP_INLINE void cell_bound(const int order, const int adjoint, dv b2, dv b4, dv D2, dv *bound, dv *distance) {
  const dv b42 = b4 * b4, D4 = D2 * D2;
  if (adjoint) {
    *bound = order == 3 ? b2 * b2 : order == 4 ? b2 * b42 : b42 * b42;
    *distance = order == 3 ? dv_root(D2) * D4 : order == 4 ? D2 * D4 : dv_root(D2) * D2 * D4;
  } else {
    *bound = order == 2 ? b2 * b2 : b2 * b42;
    *distance = order == 2 ? D4 : dv_root(D2) * D2 * D2;
  }
}

ESP_INLINE dm acts_as_cell(const int order, const int adjoint, const esp_fmm_node *I, double t, double eps2,
                           const dv *x, dv mass, dv b2, dv b4, dv reach) {
  const dv D2 = gap_squared(I, x) + dv_all(eps2);
  dv bound, distance;
  cell_bound(order, adjoint, b2, b4, D2, &bound, &distance);
  return (dv_less(mass * bound, dv_all(t) * distance) & dv_less(reach * reach, dv_all(0.81) * D2)) |
         ~dv_less(dv_all(0), reach);
}

/* fmm.h: rules 1 to 5, for the cells from l on. */
ESP_INLINE void judge(const int order, const int leaf, const int adjoint, const esp_fmm_node *I, const esp_fmm_gate *g,
                      double eps2, const esp_sixteen *s, int l, double *verdict) {
  const dv x[3] = {dv_all(I->centre[0]) - dv_load(s->c[0] + l), dv_all(I->centre[1]) - dv_load(s->c[1] + l),
                   dv_all(I->centre[2]) - dv_load(s->c[2] + l)};
  const dv d2 = ((x[0] * x[0] + x[1] * x[1]) + x[2] * x[2]) + dv_all(eps2), reach = dv_load(s->reach + l);
  const dv M = dv_load(s->mass + l), r = dv_load(s->radius + l), r2 = r * r, none = dv_all(0);
  const dv b2 = dv_load(s->b2 + l), b4 = dv_load(s->b4 + l), b42 = b4 * b4;
  const dv sum =
      (dv_all(g->k2) * (b2 * b2) + dv_all(g->k3) * (b2 * b42)) + (dv_all(g->k4) + dv_all(g->k5) * reach) * (b42 * b42);
  const dv most = dv_choose(dv_less(r2, dv_all(g->r2)), dv_all(g->r2), r2);
  const dv lhs = M * (most * dv_all(g->rp) + r2 * sum);
  const dv d4 = (order % 2 ? dv_root(d2) * d2 : d2) * d2;
  const dv rhs = (dv_all(g->t) * r2) * (order > 3 ? d4 * d2 : d4), both = dv_all(g->r) + reach;
  const dv soft = d2 + dv_all(0.5 * (order + 2) * eps2);
  dm opens = dv_less(none, dv_load(s->parent + l));
  if (!leaf) opens &= dv_less(dv_all(g->r), r);
  dv v = dv_choose(opens, dv_all(OPEN), dv_all(leaf ? (double)ESP_FMM_NEAR : (double)KEEP));
  if (leaf) v = dv_choose(acts_as_cell(order, adjoint, I, g->t, eps2, x, M, b2, b4, reach), dv_all(ESP_FMM_CELL), v);
  const dm expands = dv_less(lhs * soft, rhs * d2) & dv_less(both * both, dv_all(0.81) * d2);
  v = dv_choose(expands, dv_all(ESP_FMM_EXPAND), v);
  dv_store(verdict + l, dv_choose(dv_less(none, M), v, dv_all(ESP_FMM_NOTHING)));
}

/* The lists of one receiver: w->queue holds `count` candidates; w->list [VERDICTS] get theirs, `counts` how many. */
ESP_INLINE void walk(const int order, const int leaf, const int adjoint, esp_fmm_work *w, const esp_fmm_node *I,
                     const esp_fmm_gate *g, int count, int *counts) {
  int *const queue = w->queue;
  esp_sixteen s;
  double verdict[LANES];
  memset(counts, 0, VERDICTS * sizeof *counts);
  for (int k = 0; k < count;) {
    const int batch = count - k < LANES ? count - k : LANES;
    load_sixteen(w, queue + k, batch, 1, &s);
    for (int l = 0; l < batch; l += DECISIONS) judge(order, leaf, adjoint, I, g, w->eps2, &s, l, verdict);
    for (int l = 0; l < batch; l++) {
      const int v = (int)verdict[l];
      w->list[v][counts[v]++] = queue[k + l];
    }
    for (int l = 0; l < counts[OPEN]; l++) count = push_children(w, w->list[OPEN][l], count);
    counts[OPEN] = 0;
    k += batch;
  }
  w->cost.tests += count;
}

/* ---- |a| ---- */

static double grain(const esp_fmm_work *w, int row) {
  static const double root3[] = {1, 1.26, 1.59, 2, 2.52, 3.17, 4}; /* of 2^k */
  const int first = esp_fmm_place(&w->own, row), count = (int)w->own.cell[row].count;
  double mass = 0, heaviest = 0;
  int k = 0;
  for (int i = first; i < first + count; i++) {
    mass += w->mass[i];
    heaviest = w->mass[i] > heaviest ? w->mass[i] : heaviest;
  }
  while (1 << k < count) k++;
  const double apart = w->own.node[row].radius / root3[k], q = apart * apart + w->eps2;
  return q > 0 ? (mass - heaviest) / count * apart / (q * sqrt(q)) : 0;
}

/* Of the cells from l on: which are opened, those that hold all of the node, and large near ones; and what the others give but
 * for the node's own, and those that touch it. */
ESP_INLINE dm pull(const esp_fmm_node *I, int64_t first, int64_t end, double eps2, const esp_sixteen *s, int l,
                   double (*A)[LANES]) {
  const dv x[3] = {dv_load(s->c[0] + l) - dv_all(I->centre[0]), dv_load(s->c[1] + l) - dv_all(I->centre[1]),
                   dv_load(s->c[2] + l) - dv_all(I->centre[2])};
  const dv d2 = (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2], r = dv_load(s->radius + l), r2 = r * r, none = dv_all(0);
  const dv q = (d2 + dv_all(0.25) * r2) + dv_all(eps2), D2 = gap_squared(I, x);
  const dm begins = dm_load(s->first + l), ends = dm_load(s->end + l);
  const dm holds = ~(dm_less(dm_all(first), begins) | dm_less(ends, dm_all(end)));
  const dm held = ~(dm_less(begins, dm_all(first)) | dm_less(dm_all(end), ends));
  const dm opens = dv_less(none, dv_load(s->parent + l)) & ~held & (holds | ~dv_less(r2, d2));
  const dm pulls = ~(held | opens | dv_less(D2, dv_all(0.0625 * (I->radius * I->radius)))) & dv_less(none, q);
  const dv f = dv_choose(pulls, dv_load(s->mass + l) / (q * dv_root(q)), none);
  for (int a = 0; a < 3; a++) dv_store(A[a] + l, dv_load(A[a] + l) + f * x[a]);
  return opens;
}

static double estimate_node(esp_fmm_work *w, int row) {
  const esp_fmm_node *I = w->own.node + row;
  const int64_t first = w->own.cell[row].first, end = first + w->own.cell[row].count;
  double A[3][LANES] = {{0}}, square = grain(w, row);
  int *const queue = w->queue, count = 1;
  square *= square;
  queue[0] = 0;
  for (int k = 0; k < count;) {
    const int batch = count - k < LANES ? count - k : LANES;
    esp_sixteen s;
    int64_t opened[LANES];
    load_sixteen(w, queue + k, batch, 0, &s);
    for (int l = 0; l < batch; l += DECISIONS) {
      const dm opens = pull(I, first, end, w->eps2, &s, l, A);
      memcpy(opened + l, &opens, sizeof opens);
    }
    for (int l = 0; l < batch; l++)
      if (opened[l]) count = push_children(w, queue[k + l], count);
    k += batch;
  }
  for (int a = 0; a < 3; a++) {
    for (int half = LANES / 2; half; half /= 2)
      for (int l = 0; l < half; l++) A[a][l] += A[a][l + half];
    square += A[a][0] * A[a][0];
  }
  return sqrt(square);
}

static double given(const esp_fmm_work *w, int row, double unit) {
  double least = INFINITY;
  for (int l = 0, first = esp_fmm_place(&w->own, row); l < w->own.cell[row].count; l++) {
    const double a = w->bodies->previous[w->body[first + l].body] / unit;
    least = a < least ? a : least;
  }
  return least;
}

/* above: the estimate of a node that holds this one; < 0: none yet. */
static double find_least(esp_fmm_work *w, int row, double above, double unit) {
  const esp_fmm_cell *cell = w->own.cell + row;
  double least = above;
  if (w->bodies->previous) {
    if (cell->right <= 0) least = given(w, row, unit);
  } else if (above < 0 && cell->count <= ESP_FMM_ESTIMATE) {
    least = above = estimate_node(w, row);
  }
  if (cell->right > 0) {
    const double left = find_least(w, row + 1, above, unit), right = find_least(w, cell->right, above, unit);
    if (above < 0) least = left < right ? left : right;
  }
  return w->own.node[row].least = least;
}
