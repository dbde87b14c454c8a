/* Proves that summed gradients are the same bits as one rank's sum of all terms, with terms of all sizes and signs. */
#include "case.h"

#include "net/device.h"

enum { COUNT = 5, TERMS = 20000 };

static double term(int k, int i) {
  const uint64_t bits = case_bits((uint64_t)(k * TERMS + i));
  return ldexp((double)(int64_t)bits, (int)(bits % 60) - 90);
}

static void exact(void **state) {
  (void)state;
  static int64_t acc[COUNT * ESP_EXACT_FULL_WORDS], whole[ESP_EXACT_FULL_WORDS];
  memset(acc, 0, sizeof acc);
  for (int k = 0; k < COUNT; k++)
    for (int i = comm->rank; i < TERMS; i += comm->size)
      esp_exact_add(&ESP_EXACT_FULL, acc + k * ESP_EXACT_FULL_WORDS, term(k, i));
  assert_int_equal(esp_device_sum(&esp_device_cpu32, comm, acc, COUNT), ESP_OK);
  for (int k = 0; k < COUNT; k++) {
    memset(whole, 0, sizeof whole);
    for (int i = 0; i < TERMS; i++) esp_exact_add(&ESP_EXACT_FULL, whole, term(k, i));
    const double wanted = esp_exact_value(&ESP_EXACT_FULL, whole);
    const double got = esp_exact_value(&ESP_EXACT_FULL, acc + k * ESP_EXACT_FULL_WORDS);
    assert_memory_equal(&got, &wanted, sizeof got);
  }
}

static void nothing_and_nan(void **state) {
  (void)state;
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  assert_int_equal(esp_device_sum(&esp_device_cpu32, comm, acc, 0), ESP_OK);
  assert_int_equal(esp_device_sum(&esp_device_cpu32, comm, acc, 1), ESP_OK);
  assert_true(esp_exact_value(&ESP_EXACT_FULL, acc) == 0);
  if (comm->rank == comm->size - 1) esp_exact_add(&ESP_EXACT_FULL, acc, NAN);
  assert_int_equal(esp_device_sum(&esp_device_cpu32, comm, acc, 1), ESP_OK);
  assert_true(isnan(esp_exact_value(&ESP_EXACT_FULL, acc)));
}

CASE_MAIN(cmocka_unit_test(exact), cmocka_unit_test(nothing_and_nan))
