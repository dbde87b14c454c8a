#include "base/exact_sum.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const esp_exact_format ESP_EXACT_FULL = {.words = ESP_EXACT_FULL_WORDS, .lsb = ESP_EXACT_FULL_LSB};
const esp_exact_format ESP_EXACT_CELL = {.words = ESP_EXACT_CELL_WORDS, .lsb = ESP_EXACT_CELL_LSB};

enum {
  FIELD_BITS = ESP_EXACT_FIELD_BITS,
  PLUS_INF = ESP_EXACT_PLUS_INF,
  OUT_OF_WINDOW = ESP_EXACT_OUT_OF_WINDOW,
  MINUS_INF = ESP_EXACT_MINUS_INF,
  NOT_A_NUMBER = ESP_EXACT_NOT_A_NUMBER
};

static int64_t field(const int64_t *acc, int shift) {
  return (acc[0] >> shift) & ((INT64_C(1) << FIELD_BITS) - 1);
}

static void flag(int64_t *acc, int shift) {
  if (!field(acc, shift)) acc[0] += INT64_C(1) << shift;
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
  for (size_t i = 0; i < count; i++, acc += format->words) {
    if (acc[0]) {
      int64_t status = 0;
      for (int shift = PLUS_INF; shift < NOT_A_NUMBER; shift += FIELD_BITS)
        status += (int64_t)(field(acc, shift) != 0) << shift;
      acc[0] = status + ((int64_t)(acc[0] >> NOT_A_NUMBER != 0) << NOT_A_NUMBER);
    }
    for (int w = 1; w + 1 < format->words; w++) {
      int64_t carry = (acc[w] + (INT64_C(1) << 31)) >> 32;
      acc[w] -= carry * (INT64_C(1) << 32);
      acc[w + 1] += carry;
    }
  }
}

enum { SPARE = 4, DIGITS = ESP_EXACT_FULL_WORDS + SPARE };

/* Digits in [0, 2^32) of sign * acc, which has `words` words beside the status; returns the carry out of the last one: 0, or -1 when the value is negative. */
static int64_t spread(int words, const int64_t *acc, int sign, uint32_t *digit) {
  int64_t carry = 0;
  for (int i = 0; i < words + SPARE; i++) {
    int64_t word = i < words ? sign * acc[1 + i] : 0, low = word & 0xffffffff;
    int64_t sum = low + (carry & 0xffffffff);
    digit[i] = (uint32_t)sum;
    carry = (word >> 32) + (carry >> 32) + (sum >> 32);
  }
  return carry;
}

static double special_value(const int64_t *acc) {
  if (acc[0] >> NOT_A_NUMBER || field(acc, OUT_OF_WINDOW)) return NAN;
  int plus = field(acc, PLUS_INF) != 0, minus = field(acc, MINUS_INF) != 0;
  return plus && minus ? NAN : plus ? INFINITY : -INFINITY;
}

double esp_exact_value(const esp_exact_format *format, const int64_t *acc) {
  assert(format->words <= ESP_EXACT_FULL_WORDS);
  if (acc[0]) return special_value(acc);
  uint32_t digit[DIGITS];
  int words = format->words - 1;
  while (words > 0 && !acc[words]) words--;
  if (!words) return 0.0; /* the adjoints of most cells */
  int negative = spread(words, acc, 1, digit) < 0;
  if (negative) spread(words, acc, -1, digit);
  int top = words - 1 + SPARE;
  while (top >= 0 && !digit[top]) top--;
  if (top < 0) return 0.0;
  int length = 32 * top + 32 - __builtin_clz(digit[top]), cut = length > 53 ? length - 53 : 0;
  /* No format has bits below 2^-1074, so a subnormal result has nothing to cut. */
  uint64_t mantissa = 0;
  for (int i = top; i >= cut >> 5; i--) {
    int offset = 32 * i - cut;
    mantissa |= offset >= 0 ? (uint64_t)digit[i] << offset : (uint64_t)(digit[i] >> -offset);
  }
  if (cut) {
    int half = cut - 1, sticky = (digit[half >> 5] & ((UINT32_C(1) << (half & 31)) - 1)) != 0;
    for (int i = 0; i < half >> 5 && !sticky; i++) sticky = digit[i] != 0;
    if (digit[half >> 5] >> (half & 31) & 1) mantissa += (uint64_t)sticky | (mantissa & 1);
  }
  double value = ldexp((double)mantissa, format->lsb + cut);
  return negative ? -value : value;
}
