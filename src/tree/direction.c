#include "tree/direction.h"

#include <math.h>
#include <string.h>

enum { LAST = (1 << 14) - 1, ROWS = 4, SQUARES = 8, KRYLOV = 16, MOST_LEVELS = 30 };
#define EXACT_ROWS (1 << 24) /* products below 2^28: their sum stays an integer of 53 bits */

double esp_split_score(int dim, const double *direction, const double *z) {
  double score = direction[0] * z[0];
  for (int a = 1; a < dim; a++) score += direction[a] * z[a];
  return score;
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
  if (!(spread >= 0x1p-1000 && spread <= 0x1p1000)) return 0;
  memcpy(grid->low, low, (size_t)dim * sizeof *low);
  grid->scale = LAST / spread;
  return 1;
}

/* In float64, where the sums of these integers are exact. Missing rows of the last four are zeros: they add nothing. */
static inline __attribute__((always_inline)) void add_rows(const esp_split_grid *grid, int dim, int count,
                                                           const double *z, double *sum) {
  double q[ROWS][ESP_MAX_DIM];
  const double scale = grid->scale;
  for (int i = 0; i < count; i += ROWS) {
    for (int r = 0; r < ROWS; r++) {
      const double *x = z + (size_t)(i + r) * (size_t)dim;
      for (int a = 0; a < dim; a++) q[r][a] = i + r < count ? floor((x[a] - grid->low[a]) * scale) : 0;
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

/* c [dim][dim], symmetric: m^2 times the covariance. */
static void covariance(int dim, int64_t m, const int64_t *sums, double *c) {
  const int64_t *product = sums + dim;
  for (int a = 0; a < dim; a++)
    for (int b = a; b < dim; b++)
      c[a * dim + b] = c[b * dim + a] = (double)((__int128)m * *product++ - (__int128)sums[a] * sums[b]);
}

/* to = from^2, elements summed in ascending order. */
static void square(int dim, const double *from, double *to) {
  for (int a = 0; a < dim; a++) {
    double *row = to + a * dim;
    for (int b = a; b < dim; b++) row[b] = from[a * dim] * from[b];
    for (int k = 1; k < dim; k++)
      for (int b = a; b < dim; b++) row[b] += from[a * dim + k] * from[k * dim + b];
    for (int b = a + 1; b < dim; b++) to[b * dim + a] = row[b];
  }
}

static double trace(int dim, const double *c) {
  double sum = 0;
  for (int a = 0; a < dim; a++) sum += c[a * dim + a];
  return sum;
}

static void divide(int count, double *x, double by) {
  for (int i = 0; i < count; i++) x[i] /= by;
}

/* Four partial sums: as wide as the processor adds, in one fixed order. */
static double dot(int dim, const double *x, const double *y) {
  double part[4] = {0};
  int a = 0;
  for (; a + 4 <= dim; a += 4)
    for (int l = 0; l < 4; l++) part[l] += x[a + l] * y[a + l];
  for (; a < dim; a++) part[0] += x[a] * y[a];
  return part[0] + part[1] + (part[2] + part[3]);
}

/* x: the principal direction of c [dim][dim], of trace 1, which is used up; other [dim][dim] is work. The trace of a
 * square is then 1 where c is of rank one, less elsewhere. */
static void by_squares(int dim, double *c, double *other, double *x) {
  double last = 0;
  for (int s = 0; s < SQUARES && last <= 1 - 0x1p-40; s++) {
    double *swap = c;
    square(dim, c, other);
    c = other;
    other = swap;
    last = trace(dim, c);
    divide(dim * dim, c, last);
  }
  int best = 0;
  for (int a = 1; a < dim; a++)
    if (c[a * dim + a] > c[best * dim + best]) best = a;
  memcpy(x, c + best * dim, (size_t)dim * sizeof *x);
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
  for (double length; k < KRYLOV && (length = sqrt(dot(dim, w, w))) > 1e-10; k++) {
    divide(dim, w, length);
    memcpy(q[k], w, (size_t)dim * sizeof *w);
    apply(dim, c, q[k], w);
    for (int again = 0; again < 2; again++) /* the second time removes what rounding left */
      for (int j = 0; j <= k; j++) {
        const double h = dot(dim, q[j], w);
        for (int a = 0; a < dim; a++) w[a] -= h * q[j][a];
        if (!again) full[j][k] = full[k][j] = h;
      }
  }
  for (int i = 0; i < k * k; i++) small[0][i] = full[i / k][i % k];
  divide(k * k, small[0], trace(k, small[0]));
  by_squares(k, small[0], small[1], y);
  memset(x, 0, (size_t)dim * sizeof *x);
  for (int j = 0; j < k; j++)
    for (int a = 0; a < dim; a++) x[a] += y[j] * q[j][a];
}

/* x of length 1, its component of largest magnitude positive. */
static void normalise(int dim, double *x) {
  int largest = 0;
  for (int a = 1; a < dim; a++)
    if (fabs(x[a]) > fabs(x[largest])) largest = a;
  const double length = sqrt(dot(dim, x, x));
  divide(dim, x, x[largest] < 0 ? -length : length);
}

void esp_split_direction(int dim, int64_t m, const int64_t *sums, double *direction) {
  double c[ESP_MAX_DIM * ESP_MAX_DIM], other[KRYLOV * KRYLOV];
  covariance(dim, m, sums, c);
  const double t = trace(dim, c);
  if (!(t > 0)) {
    for (int a = 0; a < dim; a++) direction[a] = a == 0;
    return;
  }
  divide(dim * dim, c, t);
  if (dim <= KRYLOV)
    by_squares(dim, c, other, direction);
  else
    by_krylov(dim, c, direction);
  normalise(dim, direction);
}
