/* One term of an exact sum (base/exact_sum.h) as what it adds to the words of its accumulator, for whoever adds them: a host
 * plainly, a device by integer atomics. */
#ifndef ESP_EXACT_ADD_H
#define ESP_EXACT_ADD_H

#include <stdint.h>
#include <string.h>

#include "base/inline.h"

/* Of the two formats: int64 words of an accumulator, status word included; weight of the last bit, as a power of two. */
enum { ESP_EXACT_FULL_WORDS = 69, ESP_EXACT_FULL_LSB = -1074, ESP_EXACT_CELL_WORDS = 8, ESP_EXACT_CELL_LSB = -128 };

/* Fields of the status word, by their lowest bit. A field counts flagged accumulators, not terms (an add raises it from
 * 0 to 1 only, a carry brings it back to 1), so it overflows only where 2^15 flagged accumulators are added with no
 * carry. NaN is the top field: what overflows into it errs on the safe side. */
enum {
  ESP_EXACT_FIELD_BITS = 15,
  ESP_EXACT_PLUS_INF = 0,
  ESP_EXACT_MINUS_INF = 15,
  ESP_EXACT_OUT_OF_WINDOW = 30,
  ESP_EXACT_NOT_A_NUMBER = 45
};

typedef struct {
  int flag;        /* the field of the status word that is to be raised; -1: none, but digits */
  int word, third; /* digit[0], [1], [2] go to words `word`, `word` + 1, `third` */
  int64_t digit[3];
} esp_exact_term;

/* words, lsb: of the format. */
ESP_INLINE esp_exact_term esp_exact_split(int words, int lsb, double term) {
  esp_exact_term t;
  uint64_t bits;
  memcpy(&bits, &term, sizeof bits);
  const int exponent = (int)(bits >> 52) & 0x7ff, normal = exponent != 0;
  uint64_t mantissa = (bits & 0xfffffffffffffu) | (uint64_t)normal << 52;
  /* bit of the accumulator on which the mantissa's last bit falls */
  int position = exponent + !normal - 1075 - lsb;
  t.flag = -1;
  if (__builtin_expect(exponent == 0x7ff, 0)) {
    t.flag = bits << 12 ? ESP_EXACT_NOT_A_NUMBER : bits >> 63 ? ESP_EXACT_MINUS_INF : ESP_EXACT_PLUS_INF;
    return t;
  }
  if (__builtin_expect(position > 32 * (words - 1) - 1 - 53, 0)) {
    t.flag = ESP_EXACT_OUT_OF_WINDOW;
    return t;
  }
  if (position < 0) {
    mantissa = position > -53 ? mantissa >> -position : 0;
    position = 0;
  }
  const int shift = position & 31;
  const uint64_t low = mantissa << shift, high = mantissa >> 32 >> (32 - shift);
  const int64_t sign = -(int64_t)(bits >> 63);
  t.word = 1 + (position >> 5);
  /* In the topmost position the third digit is 0 and has no word: it is added to the last one. */
  t.third = t.word + 2 < words ? t.word + 2 : words - 1;
  t.digit[0] = ((int64_t)(low & 0xffffffffu) ^ sign) - sign;
  t.digit[1] = ((int64_t)(low >> 32) ^ sign) - sign;
  t.digit[2] = ((int64_t)high ^ sign) - sign;
  return t;
}

#endif
