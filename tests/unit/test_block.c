/* Groups of a block lie one behind the other; no count wraps, and no memory is taken for more numbers than are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/block.h"

static void groups(void **state) {
  (void)state;
  esp_entry entry[4];
  esp_block block = {.entry = entry};
  assert_int_equal(esp_block_add(&block, 3, 4, "layer%d.%s", 2, "a"), 0);
  assert_int_equal(esp_block_add(&block, 0, 65536, "none"), 12);
  assert_int_equal(esp_block_add(&block, 5, 1, "b"), 12);
  assert_true(block.count == 17 && block.entries == 2 && entry[1].offset == 12);
  assert_string_equal(entry[0].name, "layer2.a");
  esp_block_hold(&block, 12);
  esp_block_hold(&block, 4); /* inside of the first: no group begins there */
  assert_true(!entry[0].held && entry[1].held);
  assert_int_equal(esp_block_alloc(&block), ESP_OK);
  for (int i = 0; i < 17; i++) assert_true(block.value[i] == 0);
  ESP_FREE(block.value);
  block.known = 17;
  assert_int_equal(esp_block_alloc(&block), ESP_OK);
  ESP_FREE(block.value);
  block.known = 18;
  assert_int_equal(esp_block_alloc(&block), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "18 parameters; a network of these keys and widths has 17"));
  esp_error_clear();
}

static void large(void **state) {
  (void)state;
  esp_entry entry[4];
  esp_block block = {.entry = entry};
  esp_block_add(&block, 65536, 32767, "a"); /* 2^31 - 65536 */
  assert_int_equal(block.count, 2147418112);
  esp_block_add(&block, 65536, 65536, "b"); /* 2^32: 0 as an int */
  assert_int_equal(esp_block_alloc(&block), ESP_ERR_LIMIT);
  esp_error_clear();
  esp_block_add(&block, 1, 1, "c");
  assert_int_equal(esp_block_alloc(&block), ESP_ERR_LIMIT);
  assert_null(block.value);
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(groups), cmocka_unit_test(large)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
