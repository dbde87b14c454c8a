/* Proves that the order under the rules pca and learned is the one their headers define, that it depends on neither the
 * order of the input nor the part of the tree that is asked for, and that pca finds the long direction of a cloud. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/direction.h"

static const int dims[] = {1, 2, 3, 4, 5, 8, 16, 17, 33, 64};
enum { DIMS = sizeof dims / sizeof *dims };

/* ---- the definition, written out ---- */

typedef struct {
  double key;
  int64_t id;
  int index;
} plain;

static int plain_compare(const void *a, const void *b) {
  const plain *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

/* The direction of a node as a vector: a unit vector where it is cut along an axis. Sums of integers, last member
 * first. */
static void plain_direction(const esp_split_rule *rule, int64_t heap, const plain *p, int m, int dim, const double *z,
                            double *direction) {
  double low[64], high[64], spread = 0;
  int64_t sums[ESP_SPLIT_MOST_WORDS] = {0};
  int axis = 0;
  for (int a = 0; a < dim; a++) {
    low[a] = INFINITY, high[a] = -INFINITY, direction[a] = 0;
    for (int i = 0; i < m; i++) {
      low[a] = fmin(low[a], z[p[i].index * dim + a]);
      high[a] = fmax(high[a], z[p[i].index * dim + a]);
    }
    if (m > 0 && high[a] - low[a] > spread) axis = a, spread = high[a] - low[a];
  }
  direction[axis] = 1;
  if (rule->kind == ESP_SPLIT_LEARNED && heap < (int64_t)1 << rule->levels) {
    int zeros = 0;
    for (int a = 0; a < dim; a++) zeros += rule->normal[(heap - 1) * dim + a] == 0;
    if (zeros < dim) memcpy(direction, rule->normal + (heap - 1) * dim, sizeof(double) * (size_t)dim);
  }
  if (rule->kind != ESP_SPLIT_PCA || !(spread >= 0x1p-1000 && spread <= 0x1p1000)) return;
  for (int i = m - 1; i >= 0; i--) {
    int64_t q[64], *product = sums + dim;
    for (int a = 0; a < dim; a++) {
      q[a] = (int64_t)((z[p[i].index * dim + a] - low[a]) * (16383 / spread));
      assert_in_range(q[a], 0, 16383);
      sums[a] += q[a];
    }
    for (int a = 0; a < dim; a++)
      for (int b = a; b < dim; b++) *product++ += q[a] * q[b];
  }
  esp_split_direction(dim, m, sums, direction);
}

static void order_plainly(const esp_split_rule *rule, int levels, int64_t heap, plain *p, int m, int dim,
                          const double *z) {
  double direction[64];
  if (m == 0) return;
  if (levels > 0) plain_direction(rule, heap, p, m, dim, z, direction);
  for (int i = 0; i < m; i++) {
    double score = 0;
    for (int a = 0; a < dim && levels > 0; a++) score += direction[a] * z[p[i].index * dim + a];
    p[i].key = score;
  }
  qsort(p, (size_t)m, sizeof *p, plain_compare);
  if (levels == 0) return;
  order_plainly(rule, levels - 1, 2 * heap, p, m / 2, dim, z);
  order_plainly(rule, levels - 1, 2 * heap + 1, p + m / 2, m - m / 2, dim, z);
}

/* Normals of `levels` levels: pseudo-random, some with one component only, every fifth zero. */
static double *made_normals(int levels, int dim) {
  const int nodes = (1 << levels) - 1;
  double *normal = calloc((size_t)(nodes * dim), sizeof *normal);
  for (int m = 0; m < nodes; m++)
    for (int a = 0; a < dim; a++)
      if (m % 5 != 4 && (m % 5 != 3 || a == m % dim))
        normal[m * dim + a] = cloud_uniform((uint64_t)(m * dim + a) * 17 + 3) - 0.5;
  return normal;
}

static void reorder(int n, int dim, const int *from, double *z, int64_t *id) {
  double *z_old = malloc(sizeof *z * (size_t)(n * dim + 1));
  int64_t *id_old = malloc(sizeof *id * (size_t)(n + 1));
  memcpy(z_old, z, sizeof *z * (size_t)(n * dim));
  memcpy(id_old, id, sizeof *id * (size_t)n);
  for (int i = 0; i < n; i++) {
    memcpy(z + i * dim, z_old + from[i] * dim, sizeof *z * (size_t)dim);
    id[i] = id_old[from[i]];
  }
  free(id_old);
  free(z_old);
}

static void check_order(const esp_split_rule *rule, int n, int dim, int leaf, double *z) {
  int64_t *id = cloud_ids(n), *wanted = malloc(sizeof *wanted * (size_t)(n + 1));
  int *order = malloc(sizeof(int) * (size_t)(n + 1)), *from = malloc(sizeof(int) * (size_t)(n + 1));
  plain *p = malloc(sizeof *p * (size_t)(n + 1));
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
  for (int i = 0; i < n; i++) p[i] = (plain){0, id[i], i};
  order_plainly(rule, s.depth, 1, p, n, dim, z);
  for (int i = 0; i < n; i++) wanted[i] = p[i].id;
  for (int shuffle = 0; shuffle < 3; shuffle++) {
    assert_int_equal(esp_tree_order(&s, rule, 0, 0, n, dim, z, id, order), ESP_OK);
    for (int i = 0; i < n; i++) assert_int_equal(id[order[i]], wanted[i]);
    for (int i = 0; i < n; i++) from[i] = shuffle ? i : n - 1 - i;
    for (int i = n - 1; i > 0 && shuffle; i--) {
      const int j = (int)(cloud_uniform((uint64_t)(i * 7 + shuffle)) * (i + 1)), x = from[i];
      from[i] = from[j];
      from[j] = x;
    }
    reorder(n, dim, from, z, id);
  }
  free(p), free(from), free(order), free(wanted), free(id);
}

static void order_is_the_definition(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 9, 33, 300};
  for (int c = 0; c < 7 * DIMS * CLOUD_KINDS; c++) {
    const int n = sizes[c % 7], dim = dims[c / 7 % DIMS], kind = c / 7 / DIMS;
    double *z = cloud_keys(n, dim, kind), *normal = made_normals(4, dim);
    const esp_split_rule rules[] = {{.kind = ESP_SPLIT_WIDEST},
                                    {.kind = ESP_SPLIT_PCA},
                                    {.kind = ESP_SPLIT_LEARNED, .levels = 4, .normal = normal},
                                    {.kind = ESP_SPLIT_LEARNED, .levels = 1, .normal = normal}};
    for (int r = 0; r < 4; r++) check_order(&rules[r], n, dim, c % 2 ? 1 : 5, z);
    free(normal), free(z);
  }
}

/* Two keys only, many times each: every cut below the first is by id alone. */
static void duplicates_and_hard_keys(void **state) {
  (void)state;
  const double scales[] = {1, 0x1p-1074, 0x1p-1010, 0x1p-990, 0x1p990, 0x1.fp1023};
  for (int c = 0; c < 6; c++) {
    double z[3 * 200];
    for (int i = 0; i < 600; i++) z[i] = scales[c] * (c % 2 ? 2 * cloud_uniform((uint64_t)i) - 1 : i / 3 % 2);
    for (int i = 0; i < 200; i++) z[3 * i] = i % 3 ? -0.0 : 0.0;
    check_order(&(esp_split_rule){.kind = ESP_SPLIT_PCA}, 200, 3, 2, z);
  }
}

static void subtree_order_is_part_of_the_whole(void **state) {
  (void)state;
  enum { N = 1000, DIM = 3 };
  double *z = cloud_keys(N, DIM, CLOUD_BALL), part[DIM * N], *normal = made_normals(5, DIM);
  int64_t *id = cloud_ids(N), part_id[N], offset, count;
  int order[N], sub[N];
  esp_shape s;
  assert_int_equal(esp_shape_make(N, 8, 8, &s), ESP_OK);
  for (int kind = 0; kind < 3; kind++) {
    const esp_split_rule rule = {.kind = (esp_split_kind)kind, .levels = 5, .normal = normal};
    assert_int_equal(esp_tree_order(&s, &rule, 0, 0, N, DIM, z, id, order), ESP_OK);
    for (int k = 0; k < 8; k++) {
      esp_shape_node(&s, 3, k, &offset, &count);
      for (int i = 0; i < count; i++) {
        const int from = order[offset + (count - 1 - i)];
        memcpy(part + DIM * i, z + DIM * from, DIM * sizeof *z);
        part_id[i] = id[from];
      }
      assert_int_equal(esp_tree_order(&s, &rule, 3, k, (int)count, DIM, part, part_id, sub), ESP_OK);
      for (int i = 0; i < count; i++) assert_int_equal(part_id[sub[i]], id[order[offset + i]]);
    }
  }
  free(normal), free(id), free(z);
}

/* ---- what pca is for ---- */

/* A cloud as wide as +-1 along `along`, +-thin across; place [n]: along it. */
static double *long_cloud(int n, int dim, const double *along, double thin, double *place) {
  double *z = malloc(sizeof *z * (size_t)(n * dim));
  for (int i = 0; i < n; i++) {
    double inner = 0, *x = z + i * dim;
    for (int a = 0; a < dim; a++) {
      x[a] = thin * (2 * cloud_uniform((uint64_t)(i * dim + a) * 5 + 1) - 1);
      inner += x[a] * along[a];
    }
    place[i] = 2 * cloud_uniform((uint64_t)i * 11 + 2) - 1;
    for (int a = 0; a < dim; a++) x[a] += (place[i] - inner) * along[a];
  }
  return z;
}

static int double_compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Share of the particles that the first cut puts on the wrong side of the median of `place`. */
static double misplaced(esp_split_kind kind, int n, int dim, const double *z, const double *place) {
  int64_t *id = cloud_ids(n);
  int *order = malloc(sizeof(int) * (size_t)n), wrong = 0;
  double *sorted = malloc(sizeof *sorted * (size_t)n);
  esp_shape s;
  memcpy(sorted, place, sizeof *sorted * (size_t)n);
  qsort(sorted, (size_t)n, sizeof *sorted, double_compare);
  assert_int_equal(esp_shape_make(n, n / 2, n / 2, &s), ESP_OK);
  assert_int_equal(esp_tree_order(&s, &(esp_split_rule){.kind = kind}, 0, 0, n, dim, z, id, order), ESP_OK);
  for (int i = 0; i < n / 2; i++) wrong += place[order[i]] >= sorted[n / 2];
  free(sorted), free(order), free(id);
  return 2 * fabs(fmin(wrong, n / 2 - wrong)) / n;
}

static void pca_cuts_across_the_long_direction(void **state) {
  (void)state;
  enum { N = 2000 };
  const int tried[] = {2, 3, 4, 8, 17, 64};
  double place[N];
  for (int c = 0; c < 6; c++) {
    const int dim = tried[c];
    double along[64], length = 0;
    for (int a = 0; a < dim; a++) along[a] = (a % 2 ? -1 : 1) * (1 + 0.3 * a / dim), length += along[a] * along[a];
    for (int a = 0; a < dim; a++) along[a] /= sqrt(length);
    double *z = long_cloud(N, dim, along, 0.4, place);
    assert_true(misplaced(ESP_SPLIT_PCA, N, dim, z, place) < 0.03);
    assert_true(misplaced(ESP_SPLIT_WIDEST, N, dim, z, place) > 0.08);
    free(z);
  }
}

/* The variance along the direction against the largest one, found by a long power iteration from the direction and from
 * every axis, in long double. */
static void direction_has_the_largest_variance(void **state) {
  (void)state;
  for (int c = 0; c < DIMS * 3; c++) {
    const int dim = dims[c % DIMS], m = c / DIMS == 0 ? 5 : c / DIMS == 1 ? 40 : 400;
    int64_t sums[ESP_SPLIT_MOST_WORDS] = {0};
    static double z[400 * 64];
    double low[64] = {0}, high[64], direction[64], norm = 0, best = 0, mine = 0;
    static long double matrix[64][64];
    esp_split_grid grid;
    for (int a = 0; a < dim; a++) high[a] = 1;
    for (int i = 0; i < m * dim; i++) /* variances fall by 1/2 over the axes, mixed with the next axis */
      z[i] = cloud_uniform((uint64_t)i * 3 + 1) * (1 - 0.3 * (i % dim) / dim);
    for (int i = 0; i < m * dim; i++)
      if (i % dim + 1 < dim) z[i] = 0.6 * z[i] + 0.4 * z[i + 1];
    assert_int_equal(esp_split_grid_make(dim, low, high, &grid), 1);
    esp_split_add(&grid, dim, m, z, sums);
    esp_split_direction(dim, m, sums, direction);
    const int64_t *product = sums + dim;
    for (int a = 0; a < dim; a++)
      for (int b = a; b < dim; b++)
        matrix[a][b] = matrix[b][a] =
            (long double)*product++ / m - (long double)sums[a] / m * ((long double)sums[b] / m);
    for (int start = 0; start < 4; start++) {
      long double x[64], y[64], sum = 1;
      for (int a = 0; a < dim; a++) x[a] = start ? cloud_uniform((uint64_t)(start * 64 + a)) - 0.5 : direction[a];
      for (int step = 0; step < 3000 && sum > 0; step++) {
        long double old = 0, rayleigh = 0;
        sum = 0;
        for (int a = 0; a < dim; a++) {
          y[a] = 0;
          for (int b = 0; b < dim; b++) y[a] += matrix[a][b] * x[b];
          sum += y[a] * y[a], old += x[a] * x[a], rayleigh += x[a] * y[a];
        }
        if (start == 0 && step == 0) mine = (double)(rayleigh / old);
        if (rayleigh / old > best) best = (double)(rayleigh / old);
        for (int a = 0; a < dim; a++) x[a] = y[a] / sqrtl(sum);
        if (dim > 16 && step > 600) break;
      }
    }
    assert_true(mine >= best * (1 - (dim <= 16 ? 1e-9 : 1e-3)));
    int largest = 0;
    for (int a = 0; a < dim; a++) {
      norm += direction[a] * direction[a];
      if (fabs(direction[a]) > fabs(direction[largest])) largest = a;
    }
    assert_true(fabs(norm - 1) < 1e-14);
    assert_true(direction[largest] > 0);
  }
}

/* The sums of 2^33 members, half of them at one corner of the grid and half at the other, are those of 2. */
static void sums_of_many_members(void **state) {
  (void)state;
  for (int c = 0; c < DIMS; c++) {
    const int dim = dims[c];
    const int64_t half = (int64_t)1 << 32, corner = (1 << 14) - 1;
    int64_t sums[ESP_SPLIT_MOST_WORDS];
    double direction[64], first[64];
    for (int w = 0; w < esp_split_words(dim); w++) sums[w] = w < dim ? corner : corner * corner;
    esp_split_direction(dim, 2, sums, first);
    for (int w = 0; w < esp_split_words(dim); w++) sums[w] *= half;
    esp_split_direction(dim, 2 * half, sums, direction);
    for (int a = 0; a < dim; a++) {
      assert_true(fabs(direction[a] - sqrt(1.0 / dim)) < 1e-14);
      assert_true(fabs(direction[a] - first[a]) < 1e-14);
    }
  }
}

static void no_spread_is_the_first_axis(void **state) {
  (void)state;
  int64_t sums[ESP_SPLIT_MOST_WORDS] = {0};
  double direction[64], same[64] = {0};
  esp_split_grid grid;
  esp_split_direction(64, 7, sums, direction);
  for (int a = 0; a < 64; a++) assert_true(direction[a] == (a == 0));
  assert_int_equal(esp_split_grid_make(64, same, same, &grid), 0);
  double opposite[2] = {1, 0}, plus[2] = {0, 1}; /* of equal length: the first is positive */
  int64_t cross[5] = {0};
  assert_int_equal(esp_split_grid_make(2, same, (double[]){1, 1}, &grid), 1);
  esp_split_add(&grid, 2, 1, opposite, cross);
  esp_split_add(&grid, 2, 1, plus, cross);
  esp_split_direction(2, 2, cross, direction);
  assert_true(direction[0] > 0 && direction[1] == -direction[0]);
}

/* ---- learned ---- */

static void given_normals_cut(void **state) {
  (void)state;
  enum { N = 64, DIM = 2 };
  double *z = cloud_keys(N, DIM, CLOUD_BALL);
  /* the root along the diagonal; its left child along y; its right child not given; deeper: widest */
  const double normal[] = {3, 3, 0, -2, 0, -0.0};
  const esp_split_rule rule = {.kind = ESP_SPLIT_LEARNED, .levels = 2, .normal = normal};
  int64_t *id = cloud_ids(N);
  int order[N];
  esp_shape s;
  assert_int_equal(esp_shape_make(N, 16, 16, &s), ESP_OK);
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, N, DIM, z, id, order), ESP_OK);
  double left = -INFINITY, right = INFINITY, upper = INFINITY, lower = -INFINITY;
  for (int i = 0; i < N; i++) {
    const double score = esp_split_score(DIM, normal, z + DIM * order[i]), y = z[DIM * order[i] + 1];
    if (i < 32) left = fmax(left, score);
    if (i >= 32) right = fmin(right, score);
    if (i < 16) upper = fmin(upper, y);
    if (i >= 16 && i < 32) lower = fmax(lower, y);
  }
  assert_true(left < right);
  assert_true(lower < upper);
  free(id), free(z);
}

/* Rotations of the same three components: exact scores are equal, and the roundings of each product and sum decide. */
static void roundings_decide(void **state) {
  (void)state;
  enum { N = 600, DIM = 3 };
  const double normal[DIM] = {0.3, 0.3, 0.3};
  double z[DIM * N];
  int differ = 0;
  for (int i = 0; i < DIM * N; i++) z[i] = 0.7 + 0.1 * ((i % DIM + i / DIM) % DIM);
  for (int i = 0; i < N; i++) {
    volatile double sum = normal[0] * z[DIM * i];
    for (int a = 1; a < DIM; a++) {
      volatile double product = normal[a] * z[DIM * i + a];
      sum += product;
    }
    assert_true(esp_split_score(DIM, normal, z + DIM * i) == sum);
    differ += sum != esp_split_score(DIM, normal, z);
  }
  assert_in_range(differ, 1, N - 1);
  const esp_split_rule rule = {.kind = ESP_SPLIT_LEARNED, .levels = 1, .normal = normal};
  check_order(&rule, N, DIM, 8, z);
}

static void wrong_rules(void **state) {
  (void)state;
  double z[4] = {1, 2, 3, 4}, normal[6] = {1, 1, 1, 1, 1, 1};
  int64_t id[2] = {1, 2};
  int order[2];
  esp_shape s;
  assert_int_equal(esp_shape_make(2, 1, 1, &s), ESP_OK);
  esp_split_rule rule = {.kind = ESP_SPLIT_LEARNED, .levels = 0, .normal = normal};
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_ERR_ARG);
  rule.levels = 31;
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_ERR_ARG);
  rule.levels = 2;
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_OK);
  esp_error_clear();
  normal[5] = NAN;
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "split node 3, axis 1"));
  rule.normal = NULL;
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_ERR_ARG);
  rule.kind = (esp_split_kind)3;
  assert_int_equal(esp_tree_order(&s, &rule, 0, 0, 2, 2, z, id, order), ESP_ERR_ARG);
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(order_is_the_definition),
                                     cmocka_unit_test(duplicates_and_hard_keys),
                                     cmocka_unit_test(subtree_order_is_part_of_the_whole),
                                     cmocka_unit_test(pca_cuts_across_the_long_direction),
                                     cmocka_unit_test(direction_has_the_largest_variance),
                                     cmocka_unit_test(sums_of_many_members),
                                     cmocka_unit_test(no_spread_is_the_first_axis),
                                     cmocka_unit_test(given_normals_cut),
                                     cmocka_unit_test(roundings_decide),
                                     cmocka_unit_test(wrong_rules)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
