/* Sums and products of counts are those of whole numbers, or refused with both numbers and what they count; nothing wraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/count.h"

static void refused(int rc, int64_t count, int64_t before, const char *text) {
  assert_int_equal(rc, ESP_ERR_LIMIT);
  assert_true(count == before);
  assert_non_null(strstr(esp_error_message(), text));
  esp_error_clear();
}

static void sums(void **state) {
  (void)state;
  int64_t count = 0;
  assert_int_equal(esp_count_add(&count, 0, "rows"), ESP_OK);
  assert_int_equal(esp_count_add(&count, INT64_MAX, "rows"), ESP_OK);
  assert_int_equal(esp_count_add(&count, 0, "rows"), ESP_OK);
  assert_true(count == INT64_MAX);
  refused(esp_count_add(&count, 1, "rows of %s %d", "set", 3), count, INT64_MAX,
          "rows of set 3: 9223372036854775807 + 1");
  count = 5;
  refused(esp_count_add(&count, -1, "rows"), count, 5, "rows: 5 + -1");
  count = -1;
  refused(esp_count_add(&count, 1, "rows"), count, -1, "rows: -1 + 1");
}

static void products(void **state) {
  (void)state;
  int64_t count = 2147483647;
  assert_int_equal(esp_count_mul(&count, 2147483647, "rows"), ESP_OK);
  assert_true(count == INT64_C(4611686014132420609));
  refused(esp_count_mul(&count, 3, "rows of %d frames", 3), count, INT64_C(4611686014132420609), "rows of 3 frames");
  assert_int_equal(esp_count_mul(&count, 0, "rows"), ESP_OK);
  assert_true(count == 0);
  refused(esp_count_mul(&count, -1, "rows"), count, 0, "rows: 0 x -1");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums), cmocka_unit_test(products)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
