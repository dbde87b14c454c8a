/* Errors keep the first message and the calls it came through; memory is counted, aligned, zeroed, and refusal told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static int inner(int value) {
  ESP_CHECK(value >= 0, ESP_ERR_VALUE, "value is %d: must be >= 0", value);
  return ESP_OK;
}

static int outer(int value) {
  ESP_CALL(inner(value));
  return ESP_OK;
}

static int with_cleanup(int value, int *cleaned) {
  int rc = ESP_OK;
  *cleaned = 0;
  ESP_TRY(outer(value));
  ESP_NEED(value != 7, ESP_ERR_LIMIT, "7 is too much");
done:
  *cleaned = 1;
  return rc;
}

static void errors(void **state) {
  (void)state;
  int cleaned;
  esp_error_clear();
  assert_string_equal(esp_error_message(), "");
  assert_int_equal(outer(1), ESP_OK);
  assert_string_equal(esp_error_message(), "");
  assert_int_equal(with_cleanup(-3, &cleaned), ESP_ERR_VALUE);
  assert_int_equal(cleaned, 1);
  const char *message = esp_error_message();
  assert_ptr_equal(strstr(message, "value is -3: must be >= 0\n"), message);
  assert_non_null(strstr(message, "in inner (unit/test_base.c:"));
  assert_non_null(strstr(message, "in outer ("));
  assert_non_null(strstr(message, "in with_cleanup ("));
  assert_int_equal(with_cleanup(7, &cleaned), ESP_ERR_LIMIT); /* the first message stays until it is cleared */
  assert_non_null(strstr(esp_error_message(), "value is -3"));
  esp_error_clear();
  assert_int_equal(with_cleanup(7, &cleaned), ESP_ERR_LIMIT);
  assert_non_null(strstr(esp_error_message(), "7 is too much"));
  esp_error_set(ESP_ERR_FILE, "rank 2: gone");
  assert_string_equal(esp_error_message(), "rank 2: gone");
  assert_int_equal(outer(-1), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "rank 2: gone"));
  esp_error_set(ESP_ERR_FILE, esp_error_message() + 8); /* may be given its own text */
  assert_ptr_equal(strstr(esp_error_message(), "gone"), esp_error_message());
  esp_error_clear();
}

static void long_messages_are_cut(void **state) {
  (void)state;
  static char text[20000];
  memset(text, 'x', sizeof text - 1);
  esp_error_clear();
  assert_int_equal(ESP_FAIL(ESP_ERR_FORMAT, "%s", text), ESP_ERR_FORMAT);
  for (int i = 0; i < 1000; i++) esp_trace(ESP_ERR_FORMAT, __FILE__, i, __func__);
  assert_in_range(strlen(esp_error_message()), 1000, 19999);
  esp_error_set(ESP_ERR_FORMAT, text);
  assert_in_range(strlen(esp_error_message()), 1000, 19999);
  esp_error_clear();
}

static void names(void **state) {
  (void)state;
  for (int code = 0; code < ESP_CODE_COUNT; code++)
    assert_ptr_equal(strstr(esp_code_name(code), "ESP_"), esp_code_name(code));
  assert_string_equal(esp_code_name(ESP_ERR_FILE), "ESP_ERR_FILE");
  assert_string_equal(esp_code_name(ESP_ERR_INTERNAL), "ESP_ERR_INTERNAL");
  assert_non_null(esp_code_name(-1));
  assert_non_null(esp_code_name(ESP_CODE_COUNT));
}

static void memory(void **state) {
  (void)state;
  size_t before = esp_memory_now();
  double *none = (double *)1, *some = NULL, *huge;
  assert_int_equal(ESP_ALLOC(none, 0), ESP_OK);
  assert_non_null(none);
  assert_int_equal(ESP_ALLOC(some, 1000), ESP_OK);
  assert_int_equal((uintptr_t)some % 64, 0);
  for (int i = 0; i < 1000; i++) assert_true(some[i] == 0);
  assert_in_range(esp_memory_now() - before, 8000, 8128);
  ESP_FREE(some);
  assert_null(some);
  ESP_FREE(some);
  ESP_FREE(none);
  assert_int_equal(esp_memory_now(), before);
  assert_in_range(esp_memory_peak(), before + 8000, SIZE_MAX);
  esp_memory_reset_peak();
  assert_int_equal(esp_memory_peak(), before);
  esp_error_clear();
  assert_int_equal(ESP_ALLOC(huge, SIZE_MAX / 4), ESP_ERR_MEMORY);
  assert_null(huge);
  assert_non_null(strstr(esp_error_message(), "8 bytes"));
  esp_error_clear();
}

static void growth(void **state) {
  (void)state;
  size_t capacity = 0, before = esp_memory_now();
  int *list = NULL, moves = 0;
  assert_int_equal(ESP_GROW(list, capacity, 0), ESP_OK);
  assert_non_null(list);
  for (int i = 0; i < 10000; i++) {
    int *was = list;
    assert_int_equal(ESP_GROW(list, capacity, i + 1), ESP_OK);
    moves += was != list;
    list[i] = i;
  }
  assert_in_range(moves, 1, 20);
  assert_in_range(capacity, 10000, 20000);
  for (int i = 0; i < 10000; i++) assert_int_equal(list[i], i);
  ESP_FREE(list);
  assert_int_equal(esp_memory_now(), before);
}

/* ---- what memory is for ---- */

static int fails_within(int fails) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  ESP_CHECK(!fails, ESP_ERR_VALUE, "as asked");
  return ESP_OK;
}

/* Scopes nest and end however they are left; a block is of the one it was taken in, and freed anywhere. */
static void purposes(void **state) {
  (void)state;
  size_t before[ESP_MEMORY_PURPOSES], capacity = 0;
  char *plain, *lists, *halo, *none = NULL, *grown = NULL;
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) before[p] = esp_memory_now_for((esp_purpose)p);
#define HELD(purpose) (esp_memory_now_for(ESP_MEMORY_##purpose) - before[ESP_MEMORY_##purpose])
  assert_int_equal(ESP_ALLOC(plain, 64), ESP_OK);
  {
    ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
    assert_int_equal(ESP_RESERVE(lists, 128), ESP_OK);
    {
      ESP_MEMORY_FOR(ESP_MEMORY_HALO);
      assert_int_equal(ESP_ALLOC(halo, 256), ESP_OK);
      assert_int_equal(ESP_ALLOC(none, 0), ESP_OK);
    }
    assert_int_equal(ESP_GROW(grown, capacity, 512), ESP_OK);
    ESP_FREE(halo);
    assert_int_equal(HELD(HALO), 0);
  }
  assert_true(HELD(OTHER) == 64 && HELD(LISTS) == 640);
  assert_int_equal(ESP_GROW(grown, capacity, 1024), ESP_OK); /* stays what it was */
  assert_true(HELD(OTHER) == 64 && HELD(LISTS) == 1152);
  assert_int_equal(fails_within(0), ESP_OK);
  assert_int_equal(fails_within(1), ESP_ERR_VALUE);
  esp_error_clear();
  ESP_FREE(lists);
  ESP_FREE(grown);
  ESP_FREE(none);
  assert_int_equal(ESP_ALLOC(lists, 64), ESP_OK); /* the scope of what failed has ended */
  assert_true(HELD(OTHER) == 128 && HELD(LISTS) == 0);
  ESP_FREE(lists);
  ESP_FREE(plain);
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) assert_int_equal(esp_memory_now_for((esp_purpose)p), before[p]);
#undef HELD
}

static size_t peaks(void) {
  size_t sum = 0;
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) sum += esp_memory_peak_for((esp_purpose)p);
  return sum;
}

/* The parts are those of the moment when the whole was largest. */
static void peak_by_purpose(void **state) {
  (void)state;
  char *state_rows, *lists, *more;
  esp_memory_reset_peak();
  const size_t start = esp_memory_peak(), other = esp_memory_peak_for(ESP_MEMORY_OTHER);
  assert_int_equal(peaks(), start);
  assert_int_equal(esp_memory_enter(ESP_MEMORY_STATE), ESP_MEMORY_OTHER);
  assert_int_equal(ESP_ALLOC(state_rows, 1024), ESP_OK);
  assert_int_equal(esp_memory_enter(ESP_MEMORY_LISTS), ESP_MEMORY_STATE);
  assert_int_equal(ESP_ALLOC(lists, 4096), ESP_OK);
  ESP_FREE(lists);
  assert_int_equal(ESP_ALLOC(lists, 512), ESP_OK);
  assert_int_equal(esp_memory_enter(ESP_MEMORY_OTHER), ESP_MEMORY_LISTS);
  assert_int_equal(ESP_ALLOC(more, 2048), ESP_OK); /* 3584 in all: less than it was */
  assert_true(esp_memory_peak() == start + 5120 && peaks() == start + 5120);
  assert_true(esp_memory_peak_for(ESP_MEMORY_STATE) == 1024 && esp_memory_peak_for(ESP_MEMORY_LISTS) == 4096);
  assert_int_equal(esp_memory_peak_for(ESP_MEMORY_OTHER), other);
  ESP_FREE(more);
  assert_int_equal(ESP_ALLOC(more, 8192), ESP_OK); /* another moment is the largest */
  assert_true(esp_memory_peak() == start + 9728 && peaks() == start + 9728);
  assert_true(esp_memory_peak_for(ESP_MEMORY_STATE) == 1024 && esp_memory_peak_for(ESP_MEMORY_LISTS) == 512);
  assert_int_equal(esp_memory_peak_for(ESP_MEMORY_OTHER), other + 8192);
  ESP_FREE(more);
  ESP_FREE(lists);
  ESP_FREE(state_rows);
  esp_memory_reset_peak();
  assert_true(esp_memory_peak() == start && esp_memory_peak_for(ESP_MEMORY_LISTS) == 0);
  assert_string_equal(esp_purpose_name(ESP_MEMORY_OTHER), "other");
  assert_string_equal(esp_purpose_name(ESP_MEMORY_OPTIMISER), "optimiser");
  assert_non_null(esp_purpose_name(ESP_MEMORY_PURPOSES));
}

static void clock_runs(void **state) {
  (void)state;
  double start = esp_wall();
  assert_true(esp_wall() >= start);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(errors),          cmocka_unit_test(long_messages_are_cut),
                                     cmocka_unit_test(names),           cmocka_unit_test(memory),
                                     cmocka_unit_test(growth),          cmocka_unit_test(purposes),
                                     cmocka_unit_test(peak_by_purpose), cmocka_unit_test(clock_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
