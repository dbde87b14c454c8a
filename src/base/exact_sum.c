#include "base/exact_sum.h"

#include <assert.h>
#include <math.h>

#include "base/exact_value.h"

const esp_exact_format ESP_EXACT_FULL = {.words = ESP_EXACT_FULL_WORDS, .lsb = ESP_EXACT_FULL_LSB};
const esp_exact_format ESP_EXACT_CELL = {.words = ESP_EXACT_CELL_WORDS, .lsb = ESP_EXACT_CELL_LSB};

static void flag(int64_t *acc, int shift) {
  if (!esp_exact_field(acc, shift)) acc[0] += INT64_C(1) << shift;
}

static inline __attribute__((always_inline)) void add(int words, int lsb, int64_t *acc, double term) {
  const esp_exact_term t = esp_exact_split(words, lsb, term);
  if (__builtin_expect(t.flag >= 0, 0)) {
    flag(acc, t.flag);
    return;
  }
  acc[t.word] += t.digit[0];
  acc[t.word + 1] += t.digit[1];
  acc[t.third] += t.digit[2];
}

void esp_exact_add(const esp_exact_format *format, int64_t *acc, double term) {
  add(format->words, format->lsb, acc, term);
}

void esp_exact_add_row(const esp_exact_format *format, int64_t *acc, const double *term, int count) {
  const int words = format->words, lsb = format->lsb;
  for (int k = 0; k < count; k++) add(words, lsb, acc + (size_t)k * (size_t)words, term[k]);
}

void esp_exact_add_product(const esp_exact_format *format, int64_t *acc, double a, double b) {
  double product = a * b;
  esp_exact_add(format, acc, product);
  if (isfinite(product)) esp_exact_add(format, acc, fma(a, b, -product));
}

void esp_exact_carry(const esp_exact_format *format, int64_t *acc, size_t count) {
  for (size_t i = 0; i < count; i++, acc += format->words) esp_exact_carry_one(format->words, acc);
}

double esp_exact_value(const esp_exact_format *format, const int64_t *acc) {
  assert(format->words <= ESP_EXACT_FULL_WORDS);
  return esp_exact_value_one(format->words, format->lsb, acc);
}
