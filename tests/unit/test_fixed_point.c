/* Proves that fixed points are found, by Picard's iteration as many steps as its contraction needs, by Anderson's method in fewer
 * and also where Picard's diverges; that the contraction of a linear map is measured; and what is left where the tolerance is
 * not reached, nothing is finite, or there is nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/fixed_point.h"

enum { N = 192 };

/* G(x)_i = b_i + a_i x_i, |a_i| up to `most`. */
typedef struct {
  double most, seen[N];
  int calls, bad; /* bad: the call at which it fails, or gives what is not finite; 0: none */
  int fails;
} linear;

static double slope(const linear *g, int i) {
  return g->most * cos(i);
}

static int map(void *context, const double *x, double *gx) {
  linear *g = context;
  memcpy(g->seen, x, sizeof g->seen);
  for (int i = 0; i < N; i++) gx[i] = 1 + i % 7 + slope(g, i) * x[i];
  if (++g->calls == g->bad && g->fails) return ESP_FAIL(ESP_ERR_VALUE, "no");
  if (g->calls == g->bad) gx[5] = NAN;
  return ESP_OK;
}

static esp_fixed_point_found solve(linear *g, int iterations, double tolerance, int window, double *x) {
  const esp_backend backend = esp_backend_self();
  const esp_fixed_point_param param = {iterations, tolerance, window};
  esp_fixed_point_found found;
  for (int i = 0; i < N; i++) x[i] = 0;
  assert_int_equal(esp_fixed_point_solve(&backend, &param, N, map, g, x, &found), ESP_OK);
  assert_int_equal(found.iterations, g->calls);
  assert_memory_equal(x, g->seen, sizeof g->seen); /* what was mapped last */
  return found;
}

static void check(const double *x, double most, double within) {
  linear g = {.most = most};
  double gx[N], square = 0, all = 0;
  map(&g, x, gx);
  for (int i = 0; i < N; i++) square += (gx[i] - x[i]) * (gx[i] - x[i]), all += gx[i] * gx[i];
  assert_true(sqrt(square / all) <= within);
}

static void contractions_are_found(void **state) {
  (void)state;
  int calls[ESP_FIXED_POINT_WINDOW + 1];
  for (int window = 0; window <= ESP_FIXED_POINT_WINDOW; window++) {
    linear g = {.most = 0.9};
    double x[N];
    const esp_fixed_point_found found = solve(&g, 400, 1e-10, window, x);
    calls[window] = g.calls;
    assert_true(found.change <= 1e-10 && found.contraction > 0.7 && found.contraction <= 0.9 + 1e-6);
    check(x, 0.9, 1e-10);
  }
  assert_true(calls[0] > 150 && calls[0] < 220); /* 0.9^k */
  assert_true(calls[1] < calls[0] && 3 * calls[3] < 2 * calls[0] && 3 * calls[8] < calls[0]);
}

/* Eigenvalues +-2 i: Picard's iteration goes away from the fixed point. */
static int turn(void *context, const double *x, double *gx) {
  (void)context;
  for (int i = 0; i < N; i += 2) gx[i] = 1 - 2 * x[i + 1], gx[i + 1] = 3 + 2 * x[i];
  return ESP_OK;
}

static void what_does_not_contract(void **state) {
  (void)state;
  const esp_backend backend = esp_backend_self();
  for (int window = 0; window <= 3; window++) {
    const esp_fixed_point_param param = {30, 1e-10, window};
    esp_fixed_point_found found;
    double x[N] = {0};
    assert_int_equal(esp_fixed_point_solve(&backend, &param, N, turn, NULL, x, &found), ESP_OK);
    assert_true(fabs(found.contraction - 2) < 1e-6);
    assert_true(window >= 2 ? found.change <= 1e-10 : found.change > 0.1);
    if (window >= 2) assert_true(fabs(x[0] + 1) < 1e-8 && fabs(x[1] - 1) < 1e-8);
  }
}

static void what_is_not_found(void **state) {
  (void)state;
  const esp_backend backend = esp_backend_self();
  esp_fixed_point_found found;
  double x[N];
  linear g = {.most = 0.75};
  found = solve(&g, 4, 1e-10, 3, x); /* the iterations do not suffice */
  assert_true(found.iterations == 4 && found.change > 1e-10 && isfinite(found.change));
  g = (linear){.most = 0.75, .bad = 3};
  found = solve(&g, 50, 1e-10, 3, x);
  assert_true(found.iterations == 3 && !isfinite(found.change));
  g = (linear){.most = 0.75, .bad = 2, .fails = 1};
  const esp_fixed_point_param param = {50, 1e-10, 3};
  assert_int_equal(esp_fixed_point_solve(&backend, &param, N, map, &g, x, &found), ESP_ERR_VALUE);
  assert_int_equal(g.calls, 2);
  esp_error_clear();
}

static int nothing(void *context, const double *x, double *gx) {
  (void)context, (void)x, (void)gx;
  return ESP_OK;
}

static int zero(void *context, const double *x, double *gx) {
  (void)context, (void)x;
  memset(gx, 0, N * sizeof *gx);
  return ESP_OK;
}

/* No numbers; G = 0; and what is there from the start. */
static void at_once(void **state) {
  (void)state;
  const esp_backend backend = esp_backend_self();
  const esp_fixed_point_param param = {9, 1e-10, 3};
  esp_fixed_point_found found;
  double x[N] = {0};
  assert_int_equal(esp_fixed_point_solve(&backend, &param, 0, nothing, NULL, x, &found), ESP_OK);
  assert_true(found.iterations == 1 && found.change == 0 && found.contraction == 0);
  assert_int_equal(esp_fixed_point_solve(&backend, &param, N, zero, NULL, x, &found), ESP_OK);
  assert_true(found.iterations == 1 && found.change == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(contractions_are_found), cmocka_unit_test(what_does_not_contract),
                                     cmocka_unit_test(what_is_not_found), cmocka_unit_test(at_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
