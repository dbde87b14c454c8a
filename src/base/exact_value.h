/* One accumulator of an exact sum (base/exact_sum.h): its carry, and what it is as float64; by every processor. */
#ifndef ESP_EXACT_VALUE_H
#define ESP_EXACT_VALUE_H

#include <math.h>

#include "base/exact_add.h"

ESP_INLINE int64_t esp_exact_field(const int64_t *acc, int shift) {
  return (acc[0] >> shift) & ((INT64_C(1) << ESP_EXACT_FIELD_BITS) - 1);
}

/* words: of the format. */
ESP_INLINE void esp_exact_carry_one(int words, int64_t *acc) {
  if (acc[0]) {
    int64_t status = 0;
    for (int shift = ESP_EXACT_PLUS_INF; shift < ESP_EXACT_NOT_A_NUMBER; shift += ESP_EXACT_FIELD_BITS)
      status += (int64_t)(esp_exact_field(acc, shift) != 0) << shift;
    acc[0] = status + ((int64_t)(acc[0] >> ESP_EXACT_NOT_A_NUMBER != 0) << ESP_EXACT_NOT_A_NUMBER);
  }
  for (int w = 1; w + 1 < words; w++) {
    if (!acc[w]) continue; /* most digits of most sums */
    const int64_t carry = (acc[w] + (INT64_C(1) << 31)) >> 32;
    acc[w] -= carry * (INT64_C(1) << 32);
    acc[w + 1] += carry;
  }
}

/* Digits with which esp_exact_value_one works. */
enum { ESP_EXACT_SPARE = 4, ESP_EXACT_DIGITS = ESP_EXACT_FULL_WORDS + ESP_EXACT_SPARE };

/* Digits in [0, 2^32) of sign * acc, which has `words` words beside the status; returns the carry out of the last one: 0, or -1 when the value is negative. */
ESP_INLINE int64_t esp_exact_spread(int words, const int64_t *acc, int sign, uint32_t *digit) {
  int64_t carry = 0;
  for (int i = 0; i < words + ESP_EXACT_SPARE; i++) {
    const int64_t word = i < words ? sign * acc[1 + i] : 0, low = word & 0xffffffff;
    const int64_t sum = low + (carry & 0xffffffff);
    digit[i] = (uint32_t)sum;
    carry = (word >> 32) + (carry >> 32) + (sum >> 32);
  }
  return carry;
}

ESP_INLINE double esp_exact_special(const int64_t *acc) {
  if (acc[0] >> ESP_EXACT_NOT_A_NUMBER || esp_exact_field(acc, ESP_EXACT_OUT_OF_WINDOW)) return (double)NAN;
  const int plus = esp_exact_field(acc, ESP_EXACT_PLUS_INF) != 0,
            minus = esp_exact_field(acc, ESP_EXACT_MINUS_INF) != 0;
  return (double)(plus && minus ? NAN : plus ? INFINITY : -INFINITY);
}

/* |value| in units of 2^lsb: digits 0 .. top, of which the last is not 0, rounded to 53 bits of weight 2^*cut and up. */
ESP_INLINE uint64_t esp_exact_round(const uint32_t *digit, int top, int *cut) {
  const int length = 32 * top + 32 - __builtin_clz(digit[top]);
  *cut = length > 53 ? length - 53 : 0;
  /* No format has bits below 2^-1074, so a subnormal result has nothing to cut. */
  uint64_t mantissa = 0;
  for (int i = top; i >= *cut >> 5; i--) {
    const int offset = 32 * i - *cut;
    mantissa |= offset >= 0 ? (uint64_t)digit[i] << offset : (uint64_t)(digit[i] >> -offset);
  }
  if (*cut) {
    const int half = *cut - 1;
    int sticky = (digit[half >> 5] & ((UINT32_C(1) << (half & 31)) - 1)) != 0;
    for (int i = 0; i < half >> 5 && !sticky; i++) sticky = digit[i] != 0;
    if (digit[half >> 5] >> (half & 31) & 1) mantissa += (uint64_t)sticky | (mantissa & 1);
  }
  return mantissa;
}

/* words, lsb: of the format. */
ESP_INLINE double esp_exact_value_one(int words, int lsb, const int64_t *acc) {
  if (acc[0]) return esp_exact_special(acc);
  uint32_t digit[ESP_EXACT_DIGITS];
  int held = words - 1, cut;
  while (held > 0 && !acc[held]) held--;
  if (!held) return 0.0; /* the adjoints of most cells */
  /* The digits below the first that is not 0 are no part of the number, but for their weight. */
  for (; !acc[1]; acc++, held--) lsb += 32;
  const int negative = esp_exact_spread(held, acc, 1, digit) < 0;
  if (negative) esp_exact_spread(held, acc, -1, digit);
  int top = held - 1 + ESP_EXACT_SPARE;
  while (top >= 0 && !digit[top]) top--;
  if (top < 0) return 0.0;
  const uint64_t mantissa = esp_exact_round(digit, top, &cut);
  const double value = ldexp((double)mantissa, lsb + cut);
  return negative ? -value : value;
}

#endif
