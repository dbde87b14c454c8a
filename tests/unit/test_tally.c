/* Proves that figures are quotients of exact sums, in whatever order and over however many tallies they were added, and
 * that nothing added is not 0. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tasks/showing.h"

#define OK(expr) assert_int_equal((expr), ESP_OK)
enum { N = 1000 };

static const esp_figure figures[] = {
    {"mean", "mean", "%.5f", 0}, {"nrmse", "NRMSE", "%.5f", 1}, {"none", "none", "%g", 0}, {0}};

static void order_does_not_show(void **state) {
  (void)state;
  esp_tally up, down;
  double a[3], b[3], over = 0, under = 0;
  OK(esp_tally_create(figures, &up));
  OK(esp_tally_create(figures, &down));
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 2; k++) {
      const double x = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
      const double y = esp_rng_normal(1, (uint64_t)(N - 1 - i), ESP_RNG_TEST, 0);
      esp_tally_add(&up, k, x * x, 1);
      esp_tally_add(&down, k, y * y, 1);
      over += k ? 0 : x * x, under += k ? 0 : 1;
    }
  OK(esp_tally_value(esp_comm_self(), &up, figures, a));
  OK(esp_tally_value(esp_comm_self(), &down, figures, b));
  assert_true(a[0] == b[0] && a[1] == b[1]);
  assert_true(fabs(a[0] / (over / under) - 1) < 1e-12 && fabs(a[1] / sqrt(over / under) - 1) < 1e-12);
  assert_true(isnan(a[2]));
  esp_tally_free(&up);
  esp_tally_free(&down);
}

static void degenerate_sums(void **state) {
  (void)state;
  esp_tally t;
  double value[3];
  OK(esp_tally_create(figures, &t));
  OK(esp_tally_value(esp_comm_self(), &t, figures, value));
  for (int k = 0; k < 3; k++) assert_true(isnan(value[k]));
  esp_tally_add(&t, 0, 0, 0);
  esp_tally_add(&t, 1, 4, 0); /* targets that are all 0 */
  OK(esp_tally_value(esp_comm_self(), &t, figures, value));
  assert_true(value[0] == 0 && value[1] == 2 && isnan(value[2]));
  esp_tally_add(&t, 0, NAN, 1); /* a prediction that is no number shows */
  esp_tally_add(&t, 1, INFINITY, 1);
  OK(esp_tally_value(esp_comm_self(), &t, figures, value));
  assert_true(isnan(value[0]) && isinf(value[1]));
  esp_tally_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(order_does_not_show), cmocka_unit_test(degenerate_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
