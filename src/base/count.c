#include "base/count.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static int refuse(int64_t count, const char *sign, int64_t by, const char *what, va_list list) {
  char text[512];
  vsnprintf(text, sizeof text, what, list);
  return ESP_FAIL(ESP_ERR_LIMIT, "%s: %" PRId64 " %s %" PRId64 ", allowed are counts of 0 to 2^63 - 1", text, count,
                  sign, by);
}

int esp_count_add(int64_t *count, int64_t more, const char *what, ...) {
  int64_t sum;
  if (*count >= 0 && more >= 0 && !__builtin_add_overflow(*count, more, &sum)) return *count = sum, ESP_OK;
  va_list list;
  va_start(list, what);
  const int rc = refuse(*count, "+", more, what, list);
  va_end(list);
  return rc;
}

int esp_count_mul(int64_t *count, int64_t times, const char *what, ...) {
  int64_t product;
  if (*count >= 0 && times >= 0 && !__builtin_mul_overflow(*count, times, &product)) return *count = product, ESP_OK;
  va_list list;
  va_start(list, what);
  const int rc = refuse(*count, "x", times, what, list);
  va_end(list);
  return rc;
}
