#include "base/singular.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/jacobi.h"
#include "base/rng.h"
#include "base/set.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, MORE = 10, ITERATIONS = 8, SWEEPS = 12 };
static const size_t MOST = (size_t)64 << 20; /* bytes of accumulators at a time */

/* ---- what the search holds ---- */

typedef struct {
  const esp_comm *comm;
  const esp_features *rows;
  size_t D, l;      /* features, directions at work */
  int64_t *acc;     /* [room][l][WORDS] */
  size_t room;      /* features at a time */
  double *V, *W;    /* [D][l] a feature a row; [l][D] */
  double *y;        /* [n][l] rows V */
  int64_t *start;   /* [sparse columns + 1]: the sparse entries column by column: */
  int *row;         /* their rows, ascending */
  double *value;    /* and values */
  double *A, *turn; /* [l][l] */
} search;

static int search_create(search *s) {
  const esp_csr *csr = &s->rows->sparse;
  const size_t one = s->l * WORDS * sizeof(int64_t), many = s->D * s->l, n = (size_t)s->rows->n;
  s->room = MOST / one > 0 ? MOST / one : 1;
  if (s->room > s->D) s->room = s->D;
  ESP_CALL(ESP_ALLOC(s->acc, (s->room > s->l ? s->room : s->l) * s->l * WORDS));
  ESP_CALL(ESP_ALLOC(s->V, many));
  ESP_CALL(ESP_ALLOC(s->W, many));
  ESP_CALL(ESP_ALLOC(s->y, n * s->l));
  ESP_CALL(ESP_ALLOC(s->A, s->l * s->l));
  ESP_CALL(ESP_ALLOC(s->turn, s->l * s->l));
  if (!csr->start) return ESP_OK;
  ESP_CALL(ESP_ALLOC(s->start, (size_t)csr->columns + 2));
  ESP_CALL(ESP_ALLOC(s->row, (size_t)csr->start[n]));
  return ESP_ALLOC(s->value, (size_t)csr->start[n]);
}

static void search_free(search *s) {
  ESP_FREE(s->acc);
  ESP_FREE(s->V);
  ESP_FREE(s->W);
  ESP_FREE(s->y);
  ESP_FREE(s->start);
  ESP_FREE(s->row);
  ESP_FREE(s->value);
  ESP_FREE(s->A);
  ESP_FREE(s->turn);
}

/* Sparse entries, column by column. */
static void turn_sparse(search *s) {
  const esp_csr *csr = &s->rows->sparse;
  if (!csr->start) return;
  int64_t *next = s->start + 1; /* becomes the columns' ends */
  for (int64_t e = 0; e < csr->start[s->rows->n]; e++) next[csr->index[e] + 1]++;
  for (int64_t c = 0; c < csr->columns; c++) next[c + 1] += next[c];
  for (int i = 0; i < s->rows->n; i++)
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
      const int64_t at = next[csr->index[e]]++;
      s->row[at] = i;
      s->value[at] = esp_csr_entry(csr, e);
    }
}

/* ---- sums over rows ---- */

/* acc [l][WORDS] += x^T y of one dense column, one term a (group, number). */
static void sum_dense(const search *s, size_t column, double *term, int64_t *acc) {
  const size_t n = (size_t)s->rows->n, dense = (size_t)s->rows->dense;
  for (size_t first = 0; first < n; first += ESP_GROUP) {
    memset(term, 0, s->l * sizeof *term);
    for (size_t i = first; i < n && i < first + ESP_GROUP; i++)
      esp_add_times(s->l, s->rows->x[i * dense + column], s->y + i * s->l, term);
    esp_exact_add_row(&ESP_EXACT_FULL, acc, term, (int)s->l);
  }
}

/* The same of a sparse one, one term an entry. */
static void sum_sparse(const search *s, size_t column, double *term, int64_t *acc) {
  for (int64_t e = s->start[column]; e < s->start[column + 1]; e++) {
    const double *y = s->y + (size_t)s->row[e] * s->l;
    for (size_t c = 0; c < s->l; c++) term[c] = s->value[e] * y[c];
    esp_exact_add_row(&ESP_EXACT_FULL, acc, term, (int)s->l);
  }
}

static int sum_ranks(const search *s, size_t count, double *value) {
  esp_exact_carry(&ESP_EXACT_FULL, s->acc, count);
  ESP_CALL(s->comm->sum_i64(s->comm, s->acc, count * WORDS));
  for (size_t k = 0; k < count; k++) value[k] = esp_exact_value(&ESP_EXACT_FULL, s->acc + k * WORDS);
  return ESP_OK;
}

/* V = X^T y, some features at a time. */
static int back(const search *s) {
  const size_t dense = (size_t)s->rows->dense;
  double *term = s->turn; /* [l] */
  for (size_t first = 0; first < s->D; first += s->room) {
    const size_t count = s->D - first < s->room ? s->D - first : s->room;
    memset(s->acc, 0, count * s->l * WORDS * sizeof *s->acc);
    for (size_t j = first; j < first + count; j++) {
      int64_t *acc = s->acc + (j - first) * s->l * WORDS;
      if (j < dense)
        sum_dense(s, j, term, acc);
      else
        sum_sparse(s, j - dense, term, acc);
    }
    ESP_CALL(sum_ranks(s, count * s->l, s->V + first * s->l));
  }
  return ESP_OK;
}

/* A = y^T y, one term a (group, pair). */
static int gram(const search *s) {
  const size_t n = (size_t)s->rows->n, l = s->l;
  double *term = s->turn;
  memset(s->acc, 0, l * l * WORDS * sizeof *s->acc);
  for (size_t first = 0; first < n; first += ESP_GROUP) {
    memset(term, 0, l * l * sizeof *term);
    for (size_t i = first; i < n && i < first + ESP_GROUP; i++)
      for (size_t a = 0; a < l; a++) esp_add_times(l, s->y[i * l + a], s->y + i * l, term + a * l);
    esp_exact_add_row(&ESP_EXACT_FULL, s->acc, term, (int)(l * l));
  }
  return sum_ranks(s, l * l, s->A);
}

/* ---- what every rank does by itself ---- */

static double dot(size_t D, const double *a, const double *b) {
  double sum = 0;
  for (size_t j = 0; j < D; j++) sum += a[j] * b[j];
  return sum;
}

static void turn_over(size_t rows, size_t columns, const double *from, double *to) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
}

/* Columns of V orthonormal: Gram-Schmidt, twice; what is left of a column is rounding alone: 0. */
static void orthonormalise(const search *s) {
  const size_t D = s->D;
  turn_over(D, s->l, s->V, s->W);
  for (size_t a = 0; a < s->l; a++) {
    double *w = s->W + a * D;
    const double whole = sqrt(dot(D, w, w));
    for (int twice = 0; twice < 2; twice++)
      for (size_t b = 0; b < a; b++) esp_add_times(D, -dot(D, s->W + b * D, w), s->W + b * D, w);
    const double left = sqrt(dot(D, w, w));
    for (size_t j = 0; j < D; j++) w[j] = left > 1e-12 * whole ? w[j] / left : 0;
  }
  turn_over(s->l, D, s->W, s->V);
}

/* Of the eigenvectors of A the k of the largest values -> out [D][k], sigma. */
static void choose(const search *s, size_t k, double *out, double *sigma) {
  const size_t D = s->D, l = s->l;
  double whole = 0; /* the largest value */
  esp_jacobi((int)l, SWEEPS, s->A, s->turn);
  for (size_t c = 0; c < k; c++) {
    size_t best = 0, largest = 0;
    for (size_t a = 1; a < l; a++)
      if (s->A[a * l + a] > s->A[best * l + best]) best = a;
    const double square = c < l ? s->A[best * l + best] : 0, value = square > 0 ? sqrt(square) : 0;
    if (sigma) sigma[c] = value;
    if (c == 0) whole = value;
    double *w = s->W;
    for (size_t j = 0; j < D; j++) {
      w[j] = 0;
      for (size_t a = 0; a < l; a++) w[j] += s->V[j * l + a] * s->turn[best * l + a];
      if (fabs(w[j]) > fabs(w[largest])) largest = j;
    }
    for (size_t j = 0; j < D; j++) out[j * k + c] = !(value > 1e-12 * whole) ? 0 : w[largest] < 0 ? -w[j] : w[j];
    s->A[best * l + best] = -INFINITY;
  }
}

int esp_singular_directions(const esp_comm *comm, const esp_features *rows, int k, uint64_t seed, double *V,
                            double *sigma) {
  search s = {.comm = comm, .rows = rows, .D = (size_t)esp_features_width(rows), .l = (size_t)k + MORE};
  int rc;
  if (s.l > s.D) s.l = s.D;
  memset(V, 0, s.D * (size_t)k * sizeof *V);
  for (int c = 0; sigma && c < k; c++) sigma[c] = 0;
  if (s.D == 0) return ESP_OK;
  ESP_TRY(comm->agree(comm, search_create(&s)));
  turn_sparse(&s);
  for (size_t j = 0; j < s.D; j++)
    for (size_t c = 0; c < s.l; c++) s.V[j * s.l + c] = esp_rng_normal(seed, j, ESP_RNG_SAMPLE, (uint32_t)c);
  for (int i = 0; i < ITERATIONS; i++) {
    orthonormalise(&s);
    esp_features_times(rows, (int)s.l, s.V, s.y);
    ESP_TRY(back(&s));
  }
  orthonormalise(&s);
  esp_features_times(rows, (int)s.l, s.V, s.y);
  ESP_TRY(gram(&s));
  choose(&s, (size_t)k, V, sigma);
done:
  search_free(&s);
  return rc;
}
