/* Proves that the devices are counted and described, that one out of range is refused with the range named, and that a
 * machine without a driver answers 0 devices and starts all the same (the rest is skipped there); that memory which was given back stays the process's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cuda/device.h"
#include "cuda/kernels.h"

static void out_of_range(void **state) {
  (void)state;
  int count;
  esp_device_info info;
  assert_int_equal(esp_device_count(&count), ESP_OK);
  assert_int_equal(esp_device_query(-1, &info), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(esp_device_query(count, &info), ESP_ERR_ARG);
  char allowed[64];
  snprintf(allowed, sizeof allowed, "device %d: allowed is 0 <= device < %d", count, count);
  assert_non_null(strstr(esp_error_message(), allowed));
  esp_error_clear();
  assert_int_equal(esp_device_select(count), ESP_ERR_ARG);
  esp_error_clear();
}

static void described(void **state) {
  (void)state;
  int count;
  assert_int_equal(esp_device_count(&count), ESP_OK);
  for (int d = 0; d < count; d++) {
    esp_device_info info;
    assert_int_equal(esp_device_query(d, &info), ESP_OK);
    assert_true(info.name[0] != 0 && info.multiprocessors > 0);
    assert_true(info.major >= 8);
    assert_true(info.memory >= info.free && info.memory > 0);
    assert_int_equal(esp_device_select(d), ESP_OK);
    assert_int_equal(esp_device_wait(), ESP_OK);
  }
}

static void kept(void **state) {
  (void)state;
  const esp_device *device = &esp_device_cuda32;
  const size_t bytes = (size_t)64 << 20;
  esp_device_info before, after;
  void *memory = NULL;
  assert_int_equal(device->open(0, 1), ESP_OK);
  assert_int_equal(esp_device_query(0, &before), ESP_OK);
  assert_int_equal(device->alloc(&memory, bytes), ESP_OK);
  device->free(&memory);
  assert_int_equal(esp_device_wait(), ESP_OK);
  assert_int_equal(esp_device_query(0, &after), ESP_OK);
  assert_true(after.free + bytes <= before.free);
}

int main(void) {
  const struct CMUnitTest everywhere[] = {cmocka_unit_test(out_of_range)};
  const struct CMUnitTest device[] = {cmocka_unit_test(described), cmocka_unit_test(kept)};
  int failed = cmocka_run_group_tests(everywhere, NULL, NULL), count = 0;
  if (failed || esp_device_count(&count)) return 1;
  if (count == 0) {
    printf("no device here: skipped\n");
    return 77;
  }
  return cmocka_run_group_tests(device, NULL, NULL);
}
