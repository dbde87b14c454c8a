/* Random numbers are Threefry's, a pure function of their four arguments, and have the distributions they claim. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/threefry.h"

/* Published vector of Random123: threefry2x64, 20 rounds, counter and key 0. */
static void known_answer(void **state) {
  (void)state;
  assert_true(esp_rng_bits(0, 0, 0, 0) == UINT64_C(0xc2b6e3a8c2c69865));
}

static void each_argument_counts(void **state) {
  (void)state;
  uint64_t base = esp_rng_bits(1, 2, 3, 4);
  assert_true(base == esp_rng_bits(1, 2, 3, 4));
  assert_true(base != esp_rng_bits(2, 2, 3, 4));
  assert_true(base != esp_rng_bits(1, 3, 3, 4));
  assert_true(base != esp_rng_bits(1, 2, 4, 4));
  assert_true(base != esp_rng_bits(1, 2, 3, 5));
  assert_true(esp_rng_bits(1, 2, 3, 4) != esp_rng_bits(2, 1, 3, 4));
}

/* The generator that every processor compiles. */
static void one_generator(void **state) {
  (void)state;
  for (uint64_t k = 0; k < 1000; k++) {
    const uint64_t seed = k * UINT64_C(0x9e3779b97f4a7c15), id = ~k, bits = esp_threefry(seed, id, 7, (uint32_t)k).v[0];
    assert_true(bits == esp_rng_bits(seed, id, 7, (uint32_t)k));
    assert_true(esp_threefry_unit(seed, id, 7, (uint32_t)k) == esp_rng_uniform(seed, id, 7, (uint32_t)k));
  }
}

enum { DRAWS = 200000 };

static void uniform(void **state) {
  (void)state;
  double mean = 0, square = 0, pair = 0, last = 0.5;
  for (int i = 0; i < DRAWS; i++) {
    double u = esp_rng_uniform(9, (uint64_t)(i / 4), ESP_RNG_TEST, (uint32_t)(i % 4)) - 0.5;
    assert_true(u > -0.5 && u < 0.5);
    mean += u / DRAWS;
    square += u * u / DRAWS;
    pair += u * last / DRAWS;
    last = u;
  }
  assert_true(fabs(mean) < 5 * sqrt(1.0 / 12 / DRAWS));
  assert_true(fabs(square - 1.0 / 12) < 5 * sqrt(1.0 / 180 / DRAWS));
  assert_true(fabs(pair) < 5.0 / 12 / sqrt(DRAWS));
}

static void normal(void **state) {
  (void)state;
  double moment[5] = {0};
  for (int i = 0; i < DRAWS; i++) {
    double g = esp_rng_normal(9, (uint64_t)i, ESP_RNG_TEST, 0), power = 1;
    assert_true(isfinite(g));
    for (int p = 0; p < 5; p++, power *= g) moment[p] += power / DRAWS;
  }
  assert_true(fabs(moment[1]) < 5 * sqrt(1.0 / DRAWS));
  assert_true(fabs(moment[2] - 1) < 5 * sqrt(2.0 / DRAWS));
  assert_true(fabs(moment[3]) < 5 * sqrt(15.0 / DRAWS));
  assert_true(fabs(moment[4] - 3) < 5 * sqrt(96.0 / DRAWS));
}

static void below(void **state) {
  (void)state;
  int count[10] = {0};
  for (int i = 0; i < DRAWS; i++) {
    assert_true(esp_rng_below(9, (uint64_t)i, ESP_RNG_TEST, 0, 1) == 0);
    uint64_t drawn = esp_rng_below(9, (uint64_t)i, ESP_RNG_TEST, 1, 10);
    assert_true(drawn < 10);
    count[drawn]++;
  }
  for (int c = 0; c < 10; c++) assert_true(fabs(count[c] - DRAWS / 10.0) < 5 * sqrt(DRAWS * 0.09));
  uint64_t bound = UINT64_C(1) << 63, top = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t drawn = esp_rng_below(9, i, ESP_RNG_TEST, 2, bound);
    assert_true(drawn < bound);
    top = drawn > top ? drawn : top;
  }
  assert_true(top > bound / 100 * 95);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answer), cmocka_unit_test(one_generator), cmocka_unit_test(each_argument_counts),
      cmocka_unit_test(uniform),      cmocka_unit_test(normal),        cmocka_unit_test(below)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
