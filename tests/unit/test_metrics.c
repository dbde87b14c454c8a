/* Proves that errors, momentum and energy are those of their definitions, and change as they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "net/integrator.h"
#include "tasks/gravity/metrics.h"
#include "tasks/gravity/show.h"

typedef double vec3[3];

enum { N = 40 };

static esp_cloud some_cloud(int n) {
  esp_cloud c;
  assert_int_equal(esp_cloud_create(n, n, 1, &c), ESP_OK);
  c.model = 0, c.dim = 3, c.G = 4.5, c.eps = 0.1, c.d = 0.7, c.T = 1.9;
  for (int i = 0; i < n; i++) {
    c.id[i] = i;
    c.m[i] = esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 0);
    for (uint32_t a = 0; a < 3; a++) {
      c.x[i][a] = esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, 1 + a);
      c.v[i][a] = esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, 4 + a);
      c.D[i][a] = esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, 7 + a);
      c.K[i][a] = esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, 10 + a);
    }
  }
  return c;
}

static void degenerate(void **state) {
  (void)state;
  esp_cloud none = some_cloud(0);
  esp_tally tally;
  double value = 1, figure[4];
  assert_int_equal(esp_tally_create(esp_gravity_showing.figure, &tally), ESP_OK);
  assert_int_equal(esp_errors_add(&none, NULL, NULL, &tally), ESP_OK);
  assert_int_equal(esp_tally_value(esp_comm_self(), &tally, esp_gravity_showing.figure, figure), ESP_OK);
  assert_true(isnan(figure[0]) && isnan(figure[1]));
  assert_int_equal(esp_momentum_error(esp_comm_self(), &none, NULL, &value), ESP_OK);
  assert_true(value == 0);
  assert_true(esp_energy_total(&none) == 0);
  esp_tally_free(&tally);
  esp_cloud_free(&none);
}

/* A prediction off by a tenth of the target has NRMSE 0.1, over any number of clouds. */
static void errors_of_a_tenth(void **state) {
  (void)state;
  vec3 D[N], K[N];
  esp_tally tally;
  double figure[4];
  esp_cloud c = some_cloud(N);
  for (int i = 0; i < N; i++) {
    for (int a = 0; a < 3; a++) D[i][a] = 1.1 * c.D[i][a], K[i][a] = 0;
  }
  assert_int_equal(esp_tally_create(esp_gravity_showing.figure, &tally), ESP_OK);
  for (int times = 1; times <= 3; times++) {
    assert_int_equal(esp_errors_add(&c, (const vec3 *)D, (const vec3 *)K, &tally), ESP_OK);
    assert_int_equal(esp_tally_value(esp_comm_self(), &tally, esp_gravity_showing.figure, figure), ESP_OK);
    assert_true(fabs(figure[0] - 0.1) < 1e-14 && figure[1] == 1);
  }
  esp_tally_free(&tally);
  esp_cloud_free(&c);
}

static void energy_of_two(void **state) {
  (void)state;
  esp_cloud c = some_cloud(2);
  memset(c.x, 0, 2 * sizeof *c.x);
  c.x[1][0] = 3, c.eps = 4, c.m[0] = 2, c.m[1] = 5, c.G = 10;
  memset(c.v, 0, 2 * sizeof *c.v);
  c.v[0][1] = 3;
  assert_true(esp_energy_potential(&c) == -20);
  assert_true(esp_energy_total(&c) == -11);
  c.box[0] = 3; /* now they coincide */
  assert_true(esp_energy_potential(&c) == -25);
  esp_cloud_free(&c);
}

/* Units of the model: energies times G T^4 / d^5, times f^4 for a horizon f T. */
static void energy_in_model_units(void **state) {
  (void)state;
  esp_cloud c = some_cloud(N);
  double before = esp_energy_total(&c), factor = c.G * pow(c.T, 4) / pow(c.d, 5);
  assert_int_equal(esp_cloud_to_model(&c), ESP_OK);
  assert_true(fabs(esp_energy_total(&c) / (factor * before) - 1) < 1e-12);
  assert_int_equal(esp_cloud_horizon(&c, 0.5), ESP_OK);
  assert_true(fabs(16 * esp_energy_total(&c) / (factor * before) - 1) < 1e-12);
  esp_cloud_free(&c);
}

/* All bodies kicked alike make all the momentum there is, two kicked apart none. */
static void momentum(void **state) {
  (void)state;
  vec3 K[N];
  double error;
  esp_cloud c = some_cloud(N);
  for (int i = 0; i < N; i++)
    for (int a = 0; a < 3; a++) K[i][a] = 1 + a;
  assert_int_equal(esp_momentum_error(esp_comm_self(), &c, (const vec3 *)K, &error), ESP_OK);
  assert_true(fabs(error - 1) < 1e-14);
  for (int i = 0; i < N; i++)
    for (int a = 0; a < 3; a++) c.m[i] = 1, K[i][a] = i % 2 ? 1 : -1;
  assert_int_equal(esp_momentum_error(esp_comm_self(), &c, (const vec3 *)K, &error), ESP_OK);
  assert_true(error == 0);
  esp_cloud_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(degenerate), cmocka_unit_test(errors_of_a_tenth),
                                     cmocka_unit_test(energy_of_two), cmocka_unit_test(energy_in_model_units),
                                     cmocka_unit_test(momentum)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
