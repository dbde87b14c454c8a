/* The one-rank table is the identity: sums and maxima keep their values, the prefix is 0, gathering copies. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/comm.h"

static int passes(int code) {
  ESP_AGREE(esp_comm_self(), code);
  return ESP_OK;
}

static void identity(void **state) {
  (void)state;
  const esp_comm *self = esp_comm_self();
  assert_int_equal(self->rank, 0);
  assert_int_equal(self->size, 1);
  assert_null(self->impl);
  int64_t whole[3] = {5, -6, INT64_MIN}, kept[3] = {5, -6, INT64_MIN}, prefix = 12;
  double real[2] = {1.5, -2}, real_kept[2] = {1.5, -2};
  assert_int_equal(self->sum_i64(self, whole, 3), ESP_OK);
  assert_int_equal(self->max_i64(self, whole, 3), ESP_OK);
  assert_int_equal(self->sum_i64(self, NULL, 0), ESP_OK);
  assert_int_equal(self->max_f64(self, real, 2), ESP_OK);
  assert_int_equal(self->broadcast(self, whole, sizeof whole, 0), ESP_OK);
  assert_memory_equal(whole, kept, sizeof whole);
  assert_memory_equal(real, real_kept, sizeof real);
  assert_int_equal(self->exscan_i64(self, &prefix), ESP_OK);
  assert_int_equal(prefix, 0);
}

static void gather(void **state) {
  (void)state;
  const esp_comm *self = esp_comm_self();
  char *all;
  size_t start[2] = {9, 9};
  assert_int_equal(self->gather_all(self, "abc", 3, (void **)&all, start), ESP_OK);
  assert_memory_equal(all, "abc", 3);
  assert_int_equal(start[0], 0);
  assert_int_equal(start[1], 3);
  ESP_FREE(all);
  assert_int_equal(self->gather_all(self, NULL, 0, (void **)&all, start), ESP_OK);
  assert_non_null(all);
  assert_int_equal(start[1], 0);
  ESP_FREE(all);
}

static void exchange(void **state) {
  (void)state;
  const esp_comm *self = esp_comm_self();
  const int64_t own[3] = {9, -4, 7}, wanted[4] = {7, 7, 9, -4}, none = 8, twice[2] = {5, 5};
  const double row[3] = {0.9, 0.4, 0.7};
  double got[4];
  esp_exchange *by;
  assert_int_equal(self->exchange_create(self, 3, own, 4, wanted, &by), ESP_OK);
  assert_int_equal(self->exchange_begin(self, by, sizeof *row, row, got), ESP_OK);
  assert_int_equal(self->exchange_end(self, by, sizeof *row, row, got), ESP_OK);
  for (int i = 0; i < 4; i++) assert_true(got[i] == fabs((double)wanted[i] / 10));
  self->exchange_free(&by);
  assert_int_equal(self->exchange_create(self, 3, own, 1, &none, &by), ESP_ERR_ARG);
  assert_int_equal(self->exchange_create(self, 2, twice, 0, NULL, &by), ESP_ERR_ARG);
  assert_null(by);
  esp_error_clear();
}

static void parcels(void **state) {
  (void)state;
  const esp_comm *self = esp_comm_self();
  char out[] = "to oneself", in[sizeof out] = "";
  const esp_parcel to[2] = {{0, out, 4}, {0, out + 4, sizeof out - 4}},
                   from[2] = {{0, in, 4}, {0, in + 4, sizeof in - 4}};
  esp_transfer *transfer;
  assert_int_equal(self->transfer_begin(self, 2, to, 2, from, &transfer), ESP_OK);
  assert_int_equal(self->transfer_end(self, &transfer), ESP_OK);
  assert_string_equal(in, out);
  assert_int_equal(self->transfer_begin(self, 2, to, 1, from, &transfer), ESP_ERR_ARG);
  assert_int_equal(self->transfer_begin(self, 1, to, 1, from + 1, &transfer), ESP_ERR_ARG);
  esp_error_clear();
}

static void failure(void **state) {
  (void)state;
  const esp_comm *self = esp_comm_self();
  esp_error_clear();
  assert_int_equal(passes(ESP_OK), ESP_OK);
  assert_int_equal(passes(ESP_FAIL(ESP_ERR_FILE, "no file")), ESP_ERR_FILE);
  assert_ptr_equal(strstr(esp_error_message(), "no file"), esp_error_message());
  esp_error_clear();
  assert_int_equal(self->broadcast(self, NULL, 0, 1), ESP_ERR_ARG);
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(identity), cmocka_unit_test(gather), cmocka_unit_test(exchange),
                                     cmocka_unit_test(parcels), cmocka_unit_test(failure)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
