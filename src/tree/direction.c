#include "tree/direction.h"

#include <math.h>
#include <string.h>

#include "tree/principal.h"
#include "tree/slots.h"

enum { ROWS = 4, KRYLOV = 16, MOST_LEVELS = 30 };
#define EXACT_ROWS (1 << 24) /* products below 2^28: their sum stays an integer of 53 bits */

double esp_split_score(int dim, const double *direction, const double *z) {
  return esp_slots_score(dim, direction, z);
}

int esp_split_check(const esp_split_rule *rule, int dim) {
  if (!rule) return ESP_OK;
  ESP_CHECK(rule->kind <= ESP_SPLIT_LEARNED, ESP_ERR_ARG, "split rule %d; 0 (widest) to %d (learned) are allowed",
            (int)rule->kind, ESP_SPLIT_LEARNED);
  if (rule->kind != ESP_SPLIT_LEARNED) return ESP_OK;
  ESP_CHECK(rule->levels >= 1 && rule->levels <= MOST_LEVELS, ESP_ERR_ARG,
            "learned split rule of %d levels; 1 to %d are allowed", rule->levels, MOST_LEVELS);
  ESP_CHECK(rule->normal, ESP_ERR_ARG, "learned split rule without normals");
  const int64_t nodes = ((int64_t)1 << rule->levels) - 1;
  for (int64_t i = 0; i < nodes * dim; i++)
    ESP_CHECK(isfinite(rule->normal[i]), ESP_ERR_VALUE, "normal of split node %lld, axis %d, is %g; must be finite",
              (long long)(i / dim + 1), (int)(i % dim), rule->normal[i]);
  return ESP_OK;
}

const double *esp_split_normal(const esp_split_rule *rule, int dim, int64_t heap) {
  if (!rule || rule->kind != ESP_SPLIT_LEARNED || esp_heap_level(heap) >= rule->levels) return NULL;
  const double *normal = rule->normal + (heap - 1) * dim;
  for (int a = 0; a < dim; a++)
    if (normal[a] != 0) return normal;
  return NULL;
}

int esp_split_grid_make(int dim, const double *low, const double *high, esp_split_grid *grid) {
  double spread = 0;
  for (int a = 0; a < dim; a++) spread = high[a] - low[a] > spread ? high[a] - low[a] : spread;
  memcpy(grid->low, low, (size_t)dim * sizeof *low);
  grid->scale = esp_principal_scale(spread);
  return grid->scale > 0;
}

/* In float64, where the sums of these integers are exact. Missing rows of the last four are zeros: they add nothing. */
static inline __attribute__((always_inline)) void add_rows(const esp_split_grid *grid, int dim, int count,
                                                           const double *z, double *sum) {
  double q[ROWS][ESP_MAX_DIM];
  const double scale = grid->scale;
  for (int i = 0; i < count; i += ROWS) {
    for (int r = 0; r < ROWS; r++) {
      const double *x = z + (size_t)(i + r) * (size_t)dim;
      for (int a = 0; a < dim; a++) q[r][a] = i + r < count ? esp_principal_digit(x[a], grid->low[a], scale) : 0;
    }
    for (int a = 0; a < dim; a++) sum[a] += q[0][a] + q[1][a] + (q[2][a] + q[3][a]);
    double *to = sum + dim;
    for (int a = 0; a < dim; to += dim - a, a++)
      for (int b = a; b < dim; b++)
        to[b - a] += q[0][a] * q[0][b] + q[1][a] * q[1][b] + (q[2][a] * q[2][b] + q[3][a] * q[3][b]);
  }
}

static void add_any(const esp_split_grid *grid, int dim, int count, const double *z, double *sum) {
  switch (dim) {
    case 1:
      add_rows(grid, 1, count, z, sum);
      break;
    case 2:
      add_rows(grid, 2, count, z, sum);
      break;
    case 3:
      add_rows(grid, 3, count, z, sum);
      break;
    case 4:
      add_rows(grid, 4, count, z, sum);
      break;
    case 8:
      add_rows(grid, 8, count, z, sum);
      break;
    default:
      add_rows(grid, dim, count, z, sum);
      break;
  }
}

void esp_split_add(const esp_split_grid *grid, int dim, int count, const double *z, int64_t *sums) {
  const int words = esp_split_words(dim);
  double sum[ESP_SPLIT_MOST_WORDS];
  for (int done = 0, rows; done < count; done += rows) {
    rows = esp_imin(count - done, EXACT_ROWS);
    memset(sum, 0, (size_t)words * sizeof *sum);
    add_any(grid, dim, rows, z + (size_t)done * (size_t)dim, sum);
    for (int w = 0; w < words; w++) sums[w] += (int64_t)sum[w];
  }
}

/* w = c q */
static void apply(int dim, const double *c, const double *q, double *w) {
  for (int a = 0; a < dim; a++) w[a] = c[a] * q[0];
  for (int b = 1; b < dim; b++)
    for (int a = 0; a < dim; a++) w[a] += c[b * dim + a] * q[b];
}

/* The same among the vectors of a Krylov space: c brought to an orthonormal basis of it is small. */
static void by_krylov(int dim, const double *c, double *x) {
  double q[KRYLOV][ESP_MAX_DIM], full[KRYLOV][KRYLOV], small[2][KRYLOV * KRYLOV], y[KRYLOV], w[ESP_MAX_DIM];
  uint64_t state = 1;
  int k = 0;
  for (int a = 0; a < dim; a++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    w[a] = (double)(state >> 11) * 0x1p-52 - 1;
  }
  for (double length; k < KRYLOV && (length = sqrt(esp_principal_dot(dim, w, w))) > 1e-10; k++) {
    esp_principal_divide(dim, w, length);
    memcpy(q[k], w, (size_t)dim * sizeof *w);
    apply(dim, c, q[k], w);
    for (int again = 0; again < 2; again++) /* the second time removes what rounding left */
      for (int j = 0; j <= k; j++) {
        const double h = esp_principal_dot(dim, q[j], w);
        for (int a = 0; a < dim; a++) w[a] -= h * q[j][a];
        if (!again) full[j][k] = full[k][j] = h;
      }
  }
  for (int i = 0; i < k * k; i++) small[0][i] = full[i / k][i % k];
  esp_principal_divide(k * k, small[0], esp_principal_trace(k, small[0]));
  esp_principal_squares(k, small[0], small[1], y);
  memset(x, 0, (size_t)dim * sizeof *x);
  for (int j = 0; j < k; j++)
    for (int a = 0; a < dim; a++) x[a] += y[j] * q[j][a];
}

void esp_split_direction(int dim, int64_t m, const int64_t *sums, double *direction) {
  double c[ESP_MAX_DIM * ESP_MAX_DIM], other[ESP_PRINCIPAL_DIM * ESP_PRINCIPAL_DIM];
  if (dim <= ESP_PRINCIPAL_DIM) {
    esp_principal_direction(dim, m, sums, c, other, direction);
  } else if (esp_principal_begin(dim, m, sums, c, direction)) {
    by_krylov(dim, c, direction);
    esp_principal_normalise(dim, direction);
  }
}
