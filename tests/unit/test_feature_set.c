/* Proves: a feature set has the columns it is made with, of no particle, too, and refuses sizes that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/feature_set.h"

static void created(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  for (int n = 0; n < 3; n++) {
    esp_feature_set set = {.n = n, .n_home = n, .features = 3, .values = 2, .targets = n == 1, .hidden = n == 2};
    assert_int_equal(esp_feature_set_create(&set, n == 2), ESP_OK);
    assert_true(!set.y == (n != 1) && !set.z == (n != 2) && !set.weight == (n != 2));
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(created)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
