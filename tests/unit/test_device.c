/* Proves that devices are found by the words of checkpoints and of net_precision, and that the CPU's memory is the
 * caller's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/device.h"

static void test_words(void **state) {
  (void)state;
  assert_ptr_equal(esp_device_find("cpu32"), &esp_device_cpu32);
  assert_ptr_equal(esp_device_find("cpu64"), &esp_device_cpu64);
  assert_ptr_equal(esp_device_of("cpu", "float32"), &esp_device_cpu32);
  assert_ptr_equal(esp_device_of("cpu", "float64"), &esp_device_cpu64);
  assert_null(esp_device_of("cpu", "float16"));
  assert_null(esp_device_of("abacus", "float32"));
  assert_ptr_equal(esp_backend_self().device, &esp_device_cpu32);
}

/* A network may be used on another device than it was trained on. */
static void test_unknown(void **state) {
  (void)state;
  assert_ptr_equal(esp_device_find("other64"), &esp_device_cpu64);
  assert_ptr_equal(esp_device_find("other32"), &esp_device_cpu32);
  assert_ptr_equal(esp_device_find("x"), &esp_device_cpu32);
  assert_ptr_equal(esp_device_find(""), &esp_device_cpu32);
}

static void test_memory(void **state) {
  (void)state;
  const double there[3] = {1, 2, 3};
  for (int d = 0; esp_devices[d]; d++) {
    const esp_device *device = esp_devices[d];
    double back[3] = {0};
    void *memory = NULL;
    assert_int_equal(device->alloc(&memory, sizeof there), ESP_OK);
    assert_int_equal(device->put(memory, there, sizeof there), ESP_OK);
    assert_int_equal(device->get(back, memory, sizeof back), ESP_OK);
    assert_memory_equal(back, there, sizeof back);
    assert_int_equal(device->put(memory, memory, sizeof there), ESP_OK);
    device->free(&memory);
    assert_null(memory);
    assert_int_equal(device->alloc(&memory, 0), ESP_OK);
    assert_int_equal(device->put(memory, there, 0), ESP_OK);
    device->free(&memory);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_unknown),
                                     cmocka_unit_test(test_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
