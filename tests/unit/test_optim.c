/* Proves that Adam makes the published step, the rate its schedule, and the clip its norm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "net/optim.h"

static void nothing_to_do(void **state) {
  (void)state;
  esp_adam adam;
  assert_int_equal(esp_adam_create(0, &adam), ESP_OK);
  esp_adam_step(&adam, 0.1, 0.999, NULL, NULL);
  assert_int_equal(adam.step, 1);
  assert_true(esp_clip_norm(1, 0, NULL) == 0);
  esp_adam_free(&adam);
}

/* The first step is rate * sign(g) whatever the size of g; a zero gradient moves nothing. */
static void first_step(void **state) {
  (void)state;
  double value[3] = {1, 2, 3}, gradient[3] = {1e-6, -40, 0};
  esp_adam adam;
  assert_int_equal(esp_adam_create(3, &adam), ESP_OK);
  esp_adam_step(&adam, 0.01, 0.999, gradient, value);
  assert_true(fabs(value[0] - 0.99) < 1e-7 && fabs(value[1] - 2.01) < 1e-12 && value[2] == 3);
  esp_adam_free(&adam);
}

/* Three steps against the recurrence with its sums written out. */
static void third_step(void **state) {
  (void)state;
  const double g[3] = {0.3, -0.1, 0.7};
  double value = 0, expected = 0;
  esp_adam adam;
  assert_int_equal(esp_adam_create(1, &adam), ESP_OK);
  for (int t = 1; t <= 3; t++) {
    double m = 0, v = 0, wm = 0, wv = 0;
    for (int s = 1; s <= t; s++) {
      m += pow(0.9, t - s) * g[s - 1], wm += pow(0.9, t - s);
      v += pow(0.999, t - s) * g[s - 1] * g[s - 1], wv += pow(0.999, t - s);
    }
    expected -= 0.1 * (m / wm) / sqrt(v / wv);
    esp_adam_step(&adam, 0.1, 0.999, &g[t - 1], &value);
    assert_true(fabs(value - expected) < 1e-11);
  }
  esp_adam_free(&adam);
}

static void finds_a_minimum(void **state) {
  (void)state;
  double value[2] = {3, -2}, gradient[2];
  esp_adam adam;
  assert_int_equal(esp_adam_create(2, &adam), ESP_OK);
  for (int64_t s = 0; s < 2000; s++) {
    gradient[0] = 2 * (value[0] - 1), gradient[1] = 200 * (value[1] + 1);
    esp_adam_step(&adam, esp_rate(ESP_SCHEDULE_COSINE, 0.05, s, 20, 2000), 0.999, gradient, value);
  }
  assert_true(fabs(value[0] - 1) < 1e-4 && fabs(value[1] + 1) < 1e-4);
  esp_adam_free(&adam);
}

static void schedule(void **state) {
  (void)state;
  assert_true(esp_rate(ESP_SCHEDULE_COSINE, 2, 0, 4, 100) == 0.5 && esp_rate(ESP_SCHEDULE_COSINE, 2, 3, 4, 100) == 2);
  assert_true(esp_rate(ESP_SCHEDULE_COSINE, 2, 4, 4, 100) == 2 &&
              fabs(esp_rate(ESP_SCHEDULE_COSINE, 2, 52, 4, 100) - 1) < 1e-15);
  assert_true(esp_rate(ESP_SCHEDULE_COSINE, 2, 99, 4, 100) > 0 && esp_rate(ESP_SCHEDULE_COSINE, 2, 100, 4, 100) == 0);
  for (int64_t s = 5; s < 100; s++)
    assert_true(esp_rate(ESP_SCHEDULE_COSINE, 2, s, 4, 100) < esp_rate(ESP_SCHEDULE_COSINE, 2, s - 1, 4, 100));
  assert_true(esp_rate(ESP_SCHEDULE_COSINE, 2, 7, 4, 0) == 2);
}

static void schedule_that_holds(void **state) {
  (void)state;
  const esp_schedule hold = ESP_SCHEDULE_HOLD;
  for (int64_t s = 0; s <= 50; s++) assert_true(esp_rate(hold, 2, s, 0, 100) == 2);
  for (int64_t s = 51; s <= 100; s++) assert_true(esp_rate(hold, 2, s, 0, 100) < esp_rate(hold, 2, s - 1, 0, 100));
  assert_true(fabs(esp_rate(hold, 2, 75, 0, 100) - 1.1) < 1e-15 && fabs(esp_rate(hold, 2, 100, 0, 100) - 0.2) < 1e-15);
  assert_true(esp_rate(hold, 2, 1, 4, 100) == 1 && esp_rate(hold, 2, 4, 4, 100) == 2);
  assert_true(esp_rate(hold, 2, 7, 0, 0) == 2);
}

/* A shorter memory of squares: after a large gradient steps are small for as long as it is remembered. */
static void second_moment_forgets(void **state) {
  (void)state;
  double value[2] = {0, 0}, last[2];
  for (int fast = 0; fast < 2; fast++) {
    esp_adam adam;
    assert_int_equal(esp_adam_create(1, &adam), ESP_OK);
    for (int s = 0; s < 300; s++) {
      double g = s == 0 ? 100 : 1;
      last[fast] = value[fast];
      esp_adam_step(&adam, 1, fast ? 0.9 : 0.999, &g, &value[fast]);
    }
    last[fast] -= value[fast];
    esp_adam_free(&adam);
  }
  assert_true(last[0] < 0.3 && fabs(last[1] - 1) < 1e-6);
}

static void clip(void **state) {
  (void)state;
  double g[2] = {3, 4};
  assert_true(esp_clip_norm(0, 2, g) == 5 && g[0] == 3);
  assert_true(esp_clip_norm(6, 2, g) == 5 && g[0] == 3);
  assert_true(esp_clip_norm(1, 2, g) == 5 && fabs(g[0] - 0.6) < 1e-15 && fabs(g[1] - 0.8) < 1e-15);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_to_do),
                                     cmocka_unit_test(first_step),
                                     cmocka_unit_test(third_step),
                                     cmocka_unit_test(finds_a_minimum),
                                     cmocka_unit_test(schedule),
                                     cmocka_unit_test(clip),
                                     cmocka_unit_test(schedule_that_holds),
                                     cmocka_unit_test(second_moment_forgets)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
