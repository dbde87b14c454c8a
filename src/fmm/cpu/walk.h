/* Lists and |a|, sixteen cells at once (fmm/pairs/judge.h). Text of pass.c. */
#include "fmm/cpu/near.h"
#include "fmm/pairs/judge.h"

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

/* The cells from l on. */
ESP_INLINE esp_judged judged(const esp_sixteen *s, int l, const int with_moments) {
  esp_judged J = {.mass = dv_load(s->mass + l), .radius = dv_load(s->radius + l), .parent = dv_load(s->parent + l)};
  for (int a = 0; a < 3; a++) J.c[a] = dv_load(s->c[a] + l);
  if (!with_moments) return J;
  J.b2 = dv_load(s->b2 + l);
  J.b4 = dv_load(s->b4 + l);
  J.reach = dv_load(s->reach + l);
  return J;
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
    for (int l = 0; l < batch; l += DECISIONS) {
      const esp_judged J = judged(&s, l, 1);
      dv_store(verdict + l, judge(order, leaf, adjoint, I, g, w->eps2, &J));
    }
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
  const int first = esp_fmm_place(&w->own, row), count = (int)w->own.cell[row].count;
  double mass = 0, heaviest = 0;
  for (int i = first; i < first + count; i++) {
    mass += w->mass[i];
    heaviest = w->mass[i] > heaviest ? w->mass[i] : heaviest;
  }
  return grain_of(mass, heaviest, count, w->own.node[row].radius, w->eps2);
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
      const esp_judged J = judged(&s, l, 0);
      dv sum[3] = {dv_load(A[0] + l), dv_load(A[1] + l), dv_load(A[2] + l)};
      const dm opens = pull(I, first, end, w->eps2, &J, dm_load(s.first + l), dm_load(s.end + l), sum);
      memcpy(opened + l, &opens, sizeof opens);
      for (int a = 0; a < 3; a++) dv_store(A[a] + l, sum[a]);
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
