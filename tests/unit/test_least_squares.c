/* Proves that least squares finds what made the rows, whatever depends on what, with the same bits however the rows are
 * given in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/least_squares.h"
#include "base/rng.h"
#include "base/set.h"

#define OK(expr) assert_int_equal((expr), ESP_OK)
enum { N = 5 * ESP_GROUP + 9, P = 3, T = 2 };

static double X[N * P], y[N * T], weight[N];
static const double truth[P * T] = {1.5, -2, 0.25, 3, -1, 0.5};

static void draw(void) {
  for (int i = 0; i < N; i++) {
    for (int a = 0; a < P; a++)
      X[i * P + a] = a == P - 1 ? 1 : esp_rng_normal(1, (uint64_t)(i * P + a), ESP_RNG_TEST, 0);
    weight[i] = i % 3;
    for (int c = 0; c < T; c++) {
      y[i * T + c] = 0;
      for (int a = 0; a < P; a++) y[i * T + c] += X[i * P + a] * truth[a * T + c];
    }
  }
}

static void finds_what_made_the_rows(void **state) {
  (void)state;
  esp_least_squares fit;
  double out[T];
  draw();
  for (int weighted = 0; weighted < 2; weighted++) {
    OK(esp_least_squares_create(P, T, &fit));
    for (int i = 0; i < N && weighted; i++) /* rows of weight 0 do not count */
      if (weight[i] == 0) y[i * T] += 100;
    esp_least_squares_add(&fit, N, X, y, weighted ? weight : NULL);
    OK(esp_least_squares_solve(esp_comm_self(), &fit));
    for (int k = 0; k < P * T; k++) assert_true(fabs(fit.value[k] - truth[k]) < 1e-12);
    esp_least_squares_apply(&fit, 1, X, out);
    for (int c = 0; c < T; c++)
      assert_true(fabs(out[c] - (X[0] * truth[c] + X[1] * truth[T + c] + truth[2 * T + c])) < 1e-12);
    esp_least_squares_free(&fit);
  }
}

/* Two columns that are nearly one, of which the held rows say that the difference means nothing; and none where there is no
 * noise. */
static void a_penalty_is_chosen(void **state) {
  (void)state;
  esp_least_squares fit, held;
  for (int noisy = 0; noisy < 2; noisy++) {
    draw();
    for (int i = 0; i < N && noisy; i++) {
      X[i * P + 1] = X[i * P] + 1e-4 * X[i * P + 1];
      for (int c = 0; c < T; c++)
        y[i * T + c] = X[i * P] + 3 + esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c);
    }
    OK(esp_least_squares_create(P, T, &fit));
    OK(esp_least_squares_create(P, T, &held));
    esp_least_squares_add(&fit, 2 * ESP_GROUP, X, y, NULL);
    esp_least_squares_add(&held, N - 2 * ESP_GROUP, X + 2 * ESP_GROUP * P, y + 2 * ESP_GROUP * T, NULL);
    OK(esp_least_squares_solve_ridge(esp_comm_self(), &fit, &held, P - 1));
    for (int c = 0; c < T && noisy; c++)
      assert_true(fabs(fit.value[c]) < 2 && fabs(fit.value[c] + fit.value[T + c] - 1) < 0.2);
    for (int k = 0; k < P * T && !noisy; k++) assert_true(fabs(fit.value[k] - truth[k]) < 1e-9);
    esp_least_squares_free(&fit);
    esp_least_squares_free(&held);
  }
}

/* As ranks would: whole groups, in any order of the parts. */
static void parts_do_not_show(void **state) {
  (void)state;
  esp_least_squares whole, parts;
  const int cut = 2 * ESP_GROUP;
  draw();
  for (int i = 0; i < N; i++) y[i * T] += esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 0);
  OK(esp_least_squares_create(P, T, &whole));
  OK(esp_least_squares_create(P, T, &parts));
  esp_least_squares_add(&whole, N, X, y, weight);
  esp_least_squares_add(&parts, N - cut, X + cut * P, y + cut * T, weight + cut);
  esp_least_squares_add(&parts, cut, X, y, weight);
  OK(esp_least_squares_solve(esp_comm_self(), &whole));
  OK(esp_least_squares_solve(esp_comm_self(), &parts));
  assert_memory_equal(whole.value, parts.value, sizeof(double) * P * T);
  esp_least_squares_free(&whole);
  esp_least_squares_free(&parts);
}

/* A column twice: the second gets 0; a column of zeros, too. No rows: all zeros. One row: it is met. */
static void dependent_columns_get_nothing(void **state) {
  (void)state;
  esp_least_squares fit;
  double rows[N * P], out[T];
  draw();
  for (int i = 0; i < N; i++) rows[i * P] = rows[i * P + 1] = X[i * P], rows[i * P + 2] = 0;
  for (int n = N; n >= 0; n = n == N ? 1 : n - 1) {
    OK(esp_least_squares_create(P, T, &fit));
    esp_least_squares_add(&fit, n, rows, y, NULL);
    OK(esp_least_squares_solve(esp_comm_self(), &fit));
    for (int c = 0; c < T; c++) {
      assert_true(isfinite(fit.value[c]));
      assert_true(fit.value[T + c] == 0 && fit.value[2 * T + c] == 0);
      if (n == 0) assert_true(fit.value[c] == 0);
    }
    esp_least_squares_apply(&fit, 1, rows, out);
    for (int c = 0; c < T && n == 1; c++) assert_true(fabs(out[c] - y[c]) < 1e-12 * fabs(y[c]));
    esp_least_squares_free(&fit);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(finds_what_made_the_rows), cmocka_unit_test(a_penalty_is_chosen),
                                     cmocka_unit_test(parts_do_not_show),
                                     cmocka_unit_test(dependent_columns_get_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
