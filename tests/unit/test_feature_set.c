/* Proves: a set is checked field by field, naming id and
 * column; the fingerprint depends on every number but the hidden ones, and not on order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/feature_set.h"
#include "base/rng.h"

enum { N = 70 };

static esp_feature_set make(int n, int targets, int hidden, int weighted) {
  esp_feature_set set = {.n = n, .n_home = n, .features = 3, .values = 2, .targets = targets, .hidden = hidden};
  assert_int_equal(esp_feature_set_create(&set, weighted), ESP_OK);
  for (int i = 0; i < n; i++) {
    const uint64_t u = (uint64_t)i;
    set.id[i] = 1000 - 3 * i;
    for (uint32_t c = 0; c < 3; c++) set.x[3 * i + (int)c] = esp_rng_normal(1, u, ESP_RNG_TEST, c);
    for (uint32_t c = 0; c < 2; c++) set.v[2 * i + (int)c] = esp_rng_normal(2, u, ESP_RNG_TEST, c);
    for (int c = 0; c < targets; c++) set.y[targets * i + c] = esp_rng_normal(3, u, ESP_RNG_TEST, (uint32_t)c);
    for (int c = 0; c < hidden; c++) set.z[hidden * i + c] = esp_rng_normal(4, u, ESP_RNG_TEST, (uint32_t)c);
    if (weighted) set.weight[i] = i % 5 ? 1 : 0;
  }
  return set;
}

static void created(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  for (int n = 0; n < 3; n++) {
    esp_feature_set set = make(n, n == 1, n == 2, n == 2);
    assert_true(!set.y == (n != 1) && !set.z == (n != 2) && !set.weight == (n != 2));
    assert_int_equal(esp_feature_set_check(esp_comm_self(), &set, "here"), ESP_OK);
    esp_feature_set_free(&set);
    assert_null(set.x);
  }
  esp_feature_set_free(NULL);
  esp_feature_set set = {.n = 5, .n_home = 6, .features = 1, .values = 1};
  assert_int_equal(esp_feature_set_create(&set, 0), ESP_ERR_ARG);
  set = (esp_feature_set){.n = 5, .n_home = 5, .features = 0, .values = 1};
  assert_int_equal(esp_feature_set_create(&set, 0), ESP_ERR_ARG);
  esp_error_clear();
  assert_true(esp_memory_now() == held);
}

static void refuse(const esp_feature_set *set, const char *word) {
  esp_error_clear();
  assert_int_equal(esp_feature_set_check(esp_comm_self(), set, "there.h5"), ESP_ERR_VALUE);
  const char *message = esp_error_message();
  if (!strstr(message, word) || !strstr(message, "there.h5")) fail_msg("no \"%s\" in: %s", word, message);
  esp_error_clear();
}

static void checked(void **state) {
  (void)state;
  esp_feature_set set = make(N, 2, 2, 1);
  struct {
    double *place, bad;
    const char *word;
  } cases[] = {{&set.x[3 * 4 + 2], NAN, "988: feature, column 2, is nan"},
               {&set.v[2 * 4 + 1], INFINITY, "988: value, column 1, is inf"},
               {&set.y[2 * 5 + 0], -INFINITY, "985: target, column 0, is -inf"},
               {&set.z[2 * 5 + 1], NAN, "985: hidden coordinate, column 1"},
               {&set.weight[1], -0.5, "997: weight, column 0, is -0.5"},
               {&set.weight[N - 1], NAN, "793: weight"}};
  for (int c = 0; c < 6; c++) {
    const double kept = *cases[c].place;
    *cases[c].place = cases[c].bad;
    refuse(&set, cases[c].word);
    *cases[c].place = kept;
  }
  set.n = N + 1;
  refuse(&set, "70 particles of 71");
  set.n = N;
  set.first = 64;
  refuse(&set, "64");
  set.first = 0;
  assert_int_equal(esp_feature_set_check(esp_comm_self(), &set, "there.h5"), ESP_OK);
  esp_feature_set_free(&set);
}

static uint64_t fingerprint(const esp_feature_set *set) {
  uint64_t sum;
  assert_int_equal(esp_feature_set_checksum(esp_comm_self(), set, &sum), ESP_OK);
  return sum;
}

static void fingerprints(void **state) {
  (void)state;
  esp_feature_set set = make(N, 2, 2, 1);
  const uint64_t sum = fingerprint(&set);
  double *places[] = {&set.x[3 * N - 1], &set.v[0], &set.y[7], &set.weight[0]};
  for (int c = 0; c < 4; c++) {
    const double kept = *places[c];
    *places[c] = nextafter(kept, 10);
    assert_true(fingerprint(&set) != sum);
    *places[c] = kept;
  }
  set.z[3] += 1;
  assert_true(fingerprint(&set) == sum);
  esp_feature_set turned = make(N, 2, 2, 1);
  for (int i = 0; i < N; i++) {
    const int from = (i + 11) % N;
    turned.id[i] = set.id[from];
    memcpy(turned.x + 3 * i, set.x + 3 * from, 3 * sizeof *set.x);
    memcpy(turned.v + 2 * i, set.v + 2 * from, 2 * sizeof *set.v);
    memcpy(turned.y + 2 * i, set.y + 2 * from, 2 * sizeof *set.y);
    turned.weight[i] = set.weight[from];
  }
  assert_true(fingerprint(&turned) == sum);
  turned.id[0] += 1;
  assert_true(fingerprint(&turned) != sum);
  for (int i = 0; i < N; i++) set.weight[i] = 1;
  const uint64_t ones = fingerprint(&set);
  ESP_FREE(set.weight);
  assert_true(fingerprint(&set) == ones);
  esp_feature_set_free(&set);
  esp_feature_set_free(&turned);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(created), cmocka_unit_test(checked),
                                     cmocka_unit_test(fingerprints)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
