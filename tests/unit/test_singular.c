/* Proves that singular directions are those of one-sided Jacobi, of dense and sparse features, and what becomes of
 * degenerate ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "singular_case.h"

/* ---- the truth: Hestenes' method on the columns of X [n][D] ---- */

static void turn_columns(int n, int D, double *X, double *V, int p, int q) {
  double a = 0, b = 0, c = 0;
  for (int i = 0; i < n; i++) {
    a += X[i * D + p] * X[i * D + p];
    b += X[i * D + q] * X[i * D + q];
    c += X[i * D + p] * X[i * D + q];
  }
  if (c == 0) return;
  const double zeta = (b - a) / (2 * c), t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
  const double co = 1 / sqrt(1 + t * t), si = co * t;
  for (int i = 0; i < n + D; i++) {
    double *row = i < n ? X + i * D : V + (i - n) * D;
    const double x = row[p], y = row[q];
    row[p] = co * x - si * y, row[q] = si * x + co * y;
  }
}

/* X's columns become orthogonal; V [D][D]. */
static void truth(int n, int D, double *X, double *V) {
  for (int j = 0; j < D * D; j++) V[j] = j % (D + 1) == 0;
  for (int sweep = 0; sweep < 30; sweep++)
    for (int p = 0; p < D; p++)
      for (int q = p + 1; q < D; q++) turn_columns(n, D, X, V, p, q);
}

static double *whole_of(const esp_features *rows) {
  const int D = (int)esp_features_width(rows);
  double *one = calloc((size_t)(D * D) + 1, sizeof *one), *X = calloc((size_t)(rows->n * D) + 1, sizeof *X);
  for (int j = 0; j < D; j++) one[j * D + j] = 1;
  esp_features_times(rows, D, one, X);
  free(one);
  return X;
}

/* ---- the tests ---- */

static double length_of(int D, int stride, const double *v) {
  double sum = 0;
  for (int j = 0; j < D; j++) sum += v[j * stride] * v[j * stride];
  return sqrt(sum);
}

static void as_jacobi(int n, int dense, int sparse, int k) {
  singular_case s = singular_case_make(0, n, dense, sparse, 0.8);
  const esp_features *rows = singular_case_rows(&s);
  const int D = dense + sparse;
  double *X = whole_of(rows), *full = calloc((size_t)(D * D), sizeof *full), *V = calloc((size_t)(D * k), sizeof *V);
  double *sigma = calloc((size_t)k, sizeof *sigma), last = INFINITY;
  truth(n, D, X, full);
  assert_int_equal(esp_singular_directions(esp_comm_self(), rows, k, 3, V, sigma), ESP_OK);
  for (int c = 0; c < k; c++) {
    int best = 0, largest = 0;
    for (int a = 1; a < D; a++)
      if (length_of(n, D, X + a) > length_of(n, D, X + best)) best = a;
    const double value = length_of(n, D, X + best);
    for (int j = 1; j < D; j++)
      if (fabs(full[j * D + best]) > fabs(full[largest * D + best])) largest = j;
    const double sign = full[largest * D + best] < 0 ? -1 : 1;
    assert_true(sigma[c] <= last);
    if (fabs(sigma[c] - value) > 1e-9 * sigma[0]) fail_msg("value %d: %.17g, %.17g", c, sigma[c], value);
    for (int j = 0; j < D; j++)
      if (fabs(V[j * k + c] - sign * full[j * D + best]) > 1e-6)
        fail_msg("n %d, direction %d, feature %d: %.12g, %.12g", n, c, j, V[j * k + c], sign * full[j * D + best]);
    for (int i = 0; i < n; i++) X[i * D + best] = 0;
    last = sigma[c];
  }
  free(X), free(full), free(V), free(sigma);
  singular_case_free(&s);
}

static void are_those_of_jacobi(void **state) {
  (void)state;
  as_jacobi(150, 30, 0, 5);
  as_jacobi(150, 0, 30, 5);
  as_jacobi(129, 11, 20, 6);
  as_jacobi(64, 3, 4, 7); /* all of them */
  as_jacobi(100, 1, 0, 1);
}

/* Behind the rank there is nothing; no row has none at all; one row its own. */
static void degenerate(void **state) {
  (void)state;
  enum { D = 6, K = 8 };
  double V[D * K], sigma[K];
  for (int n = 0; n < 3; n++) {
    singular_case s = singular_case_make(5, n, D, 0, 1);
    memset(V, 1, sizeof V);
    assert_int_equal(esp_singular_directions(esp_comm_self(), singular_case_rows(&s), K, 1, V, sigma), ESP_OK);
    for (int c = 0; c < K; c++) {
      const double length = length_of(D, K, V + c);
      if (fabs(length - (c < n)) > 1e-12) fail_msg("%d rows, direction %d: length %g", n, c, length);
      assert_true(c < n ? sigma[c] > 0.1 : sigma[c] < 1e-7);
    }
    double scale = 0;
    for (int j = 0; n == 1 && j < D; j++) scale += V[j * K] * s.x[j];
    for (int j = 0; n == 1 && j < D; j++) assert_true(fabs(V[j * K] * scale - s.x[j]) < 1e-12 * sigma[0]);
    singular_case_free(&s);
  }
  singular_case none = singular_case_make(0, 4, 0, 0, 1);
  assert_int_equal(esp_singular_directions(esp_comm_self(), singular_case_rows(&none), 2, 1, V, sigma), ESP_OK);
  assert_true(sigma[0] == 0 && sigma[1] == 0);
  singular_case_free(&none);
}

/* Values that all are 1 need not be told. */
static void ones(void **state) {
  (void)state;
  enum { D = 12, K = 3, N = 70 };
  double V[2][D * K];
  singular_case s = singular_case_make(0, N, 0, D, 1);
  for (int64_t e = 0; e < s.sparse.start[N]; e++) s.sparse.value[e] = 1;
  for (int told = 0; told < 2; told++) {
    double *value = s.sparse.value;
    if (!told) s.sparse.value = NULL;
    assert_int_equal(esp_singular_directions(esp_comm_self(), singular_case_rows(&s), K, 1, V[told], NULL), ESP_OK);
    s.sparse.value = value;
  }
  assert_memory_equal(V[0], V[1], sizeof V[0]);
  singular_case_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(are_those_of_jacobi),
      cmocka_unit_test(degenerate),
      cmocka_unit_test(ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
