/* The value of an exact sum is the correctly rounded sum of its terms, in any order, however they are split over
 * accumulators and whenever digits are carried; what cannot be summed is told. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/exact_sum.h"
#include "base/rng.h"

static const esp_exact_format *const FULL = &ESP_EXACT_FULL, *const CELL = &ESP_EXACT_CELL;

/* Bits, not values: NaN equals NaN, and 0 is not -0. */
#define assert_same_double(a, b)                                       \
  do {                                                                 \
    double a_ = (a), b_ = (b);                                         \
    if (isnan(a_) && isnan(b_)) break;                                 \
    if (memcmp(&a_, &b_, sizeof a_)) fail_msg("%a is not %a", a_, b_); \
  } while (0)

/* Oracle: Shewchuk's expansions with one rounding at the end (Discrete Comput. Geom. 18, 1997). Finite sums only. */
static double oracle(const double *term, int n) {
  double part[64];
  int parts = 0;
  for (int t = 0; t < n; t++) {
    double x = term[t];
    int kept = 0;
    for (int p = 0; p < parts; p++) {
      double y = part[p];
      if (fabs(x) < fabs(y)) {
        double swap = x;
        x = y;
        y = swap;
      }
      volatile double high = x + y, back = high - x;
      double low = y - back;
      if (low != 0) part[kept++] = low;
      x = high;
    }
    part[kept++] = x;
    parts = kept;
    assert_true(parts < 64);
  }
  double high = 0, low = 0;
  while (parts > 0 && low == 0) {
    double x = high, y = part[--parts];
    high = x + y;
    volatile double back = high - x;
    low = y - back;
  }
  /* the parts below decide a tie */
  if (parts > 0 && ((low < 0 && part[parts - 1] < 0) || (low > 0 && part[parts - 1] > 0))) {
    double twice = 2 * low;
    volatile double moved = high + twice, back = moved - high;
    if (twice == back) high = moved;
  }
  return high;
}

static double sum_of(const esp_exact_format *format, const double *term, int n) {
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  for (int i = 0; i < n; i++) esp_exact_add(format, acc, term[i]);
  return esp_exact_value(format, acc);
}
#define SUM(format, ...) \
  sum_of(format, (double[]){__VA_ARGS__}, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

static void no_terms_and_zeros(void **state) {
  (void)state;
  assert_same_double(sum_of(FULL, NULL, 0), 0.0);
  assert_same_double(sum_of(CELL, NULL, 0), 0.0);
  assert_same_double(SUM(FULL, 0.0, -0.0, -0.0), 0.0);
  assert_same_double(SUM(FULL, 1.5, -1.5), 0.0);
}

static void one_term_is_kept(void **state) {
  (void)state;
  const double edge[] = {DBL_MAX, -DBL_MAX, DBL_MIN, -DBL_MIN, DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MIN - DBL_TRUE_MIN,
                         1,       -1};
  for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) assert_same_double(sum_of(FULL, &edge[i], 1), edge[i]);
  for (uint64_t i = 0; i < 200000; i++) {
    uint64_t bits = esp_rng_bits(1, i, ESP_RNG_TEST, 0);
    double term;
    memcpy(&term, &bits, sizeof term);
    if (isfinite(term)) assert_same_double(sum_of(FULL, &term, 1), term);
  }
}

static void rounding_is_to_nearest_even(void **state) {
  (void)state;
  for (int sign = -1; sign <= 1; sign += 2) {
    double one = sign, half = sign * 0x1p-53, tiny = sign * DBL_TRUE_MIN;
    assert_same_double(SUM(FULL, one, half), one);
    assert_same_double(SUM(FULL, one, half, tiny), one + sign * 0x1p-52);
    assert_same_double(SUM(FULL, one, half, -tiny), one);
    assert_same_double(SUM(FULL, one, sign * 0x1p-52, half), one + sign * 0x1p-51);
    assert_same_double(SUM(FULL, one, sign * 0x1p-52, half, -tiny), one + sign * 0x1p-52);
    assert_same_double(SUM(FULL, one, -half / 2), one);               /* tie below a power of two: to the even one */
    assert_same_double(SUM(FULL, one, -half / 2, -tiny), one - half); /* just past it */
    assert_same_double(SUM(FULL, sign * DBL_MAX, sign * 0x1p970), sign * INFINITY);
    assert_same_double(SUM(FULL, sign * DBL_MAX, sign * 0x1p970, -tiny), sign * DBL_MAX);
  }
}

static void huge_and_subnormal(void **state) {
  (void)state;
  assert_same_double(SUM(FULL, DBL_MAX, DBL_MAX), INFINITY);
  assert_same_double(SUM(FULL, -DBL_MAX, -DBL_MAX), -INFINITY);
  assert_same_double(SUM(FULL, DBL_MAX, DBL_MAX, -DBL_MAX), DBL_MAX);
  assert_same_double(SUM(FULL, DBL_MAX, DBL_TRUE_MIN, -DBL_MAX), DBL_TRUE_MIN);
  assert_same_double(SUM(FULL, DBL_MIN, -DBL_TRUE_MIN), DBL_MIN - DBL_TRUE_MIN);
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  for (int i = 0; i < 100000; i++) esp_exact_add(FULL, acc, i % 2 ? DBL_MAX : 3 * DBL_TRUE_MIN);
  for (int i = 0; i < 50000; i++) esp_exact_add(FULL, acc, -DBL_MAX);
  assert_same_double(esp_exact_value(FULL, acc), 150000 * DBL_TRUE_MIN);
}

enum { TERMS = 1000000, SPLIT = 7 };

/* Mixed sign, sizes over `orders` binary orders; every third term nearly cancels an earlier one. */
static double *make_terms(int orders) {
  double *term = malloc(TERMS * sizeof *term);
  assert_non_null(term);
  for (int i = 0; i < TERMS; i++) {
    uint64_t bits = esp_rng_bits(7, (uint64_t)i, ESP_RNG_TEST, 1);
    double size = ldexp(1 + (double)(bits >> 12) * 0x1p-52, (int)(bits % (uint64_t)orders) - orders / 2);
    term[i] = bits >> 5 & 1 ? -size : size;
    if (i % 3 == 2) term[i] = -nextafter(term[i - 2], 0);
  }
  return term;
}

static void any_order_and_split(const esp_exact_format *format, const double *term, double expected) {
  int words = format->words;
  int64_t forward[ESP_EXACT_FULL_WORDS] = {0}, backward[ESP_EXACT_FULL_WORDS] = {0}, part[SPLIT][ESP_EXACT_FULL_WORDS],
          merged[ESP_EXACT_FULL_WORDS] = {0};
  memset(part, 0, sizeof part);
  for (int i = 0; i < TERMS; i++) esp_exact_add(format, forward, term[i]);
  for (int i = TERMS; i-- > 0;) {
    esp_exact_add(format, backward, term[i]);
    if (i % 99991 == 0) esp_exact_carry(format, backward, 1);
  }
  for (int i = 0; i < TERMS; i++) {
    int j = (int)((int64_t)i * 611953 % TERMS); /* a permutation: the factor is prime to TERMS */
    esp_exact_add(format, part[j % SPLIT], term[j]);
    if (i == TERMS / 2) esp_exact_carry(format, part[3], 1);
  }
  for (int s = SPLIT; s-- > 0;) {
    if (s % 2) esp_exact_carry(format, part[s], 1);
    for (int w = 0; w < words; w++) merged[w] += part[s][w];
  }
  assert_same_double(esp_exact_value(format, forward), expected);
  assert_same_double(esp_exact_value(format, backward), expected);
  assert_same_double(esp_exact_value(format, merged), expected);
  esp_exact_carry(format, merged, 1);
  assert_same_double(esp_exact_value(format, merged), expected);
  esp_exact_carry(format, forward, 1);
  assert_memory_equal(forward, merged, (size_t)words * sizeof *forward); /* carried digits are unique */
}

static void million_terms(void **state) {
  (void)state;
  double *term = make_terms(160);
  double expected = oracle(term, TERMS);
  assert_true(expected != 0);
  any_order_and_split(FULL, term, expected);
  free(term);
}

/* In the narrow format a term is cut toward zero at 2^-128; the sum of the cut terms is exact. */
static void million_terms_in_cells(void **state) {
  (void)state;
  double *term = make_terms(180), *cut = malloc(TERMS * sizeof *cut);
  assert_non_null(cut);
  for (int i = 0; i < TERMS; i++) {
    if (i % 4 == 0) term[i] = ldexp(term[i], -40); /* many terms straddle the cut, some lie below it */
    cut[i] = ldexp(trunc(ldexp(term[i], 128)), -128);
  }
  any_order_and_split(CELL, term, oracle(cut, TERMS));
  free(term);
  free(cut);
}

static void few_terms_of_any_size(void **state) {
  (void)state;
  for (uint64_t trial = 0; trial < 20000; trial++) {
    double term[12];
    int n = 1 + (int)esp_rng_below(3, trial, ESP_RNG_TEST, 0, 12);
    for (int i = 0; i < n; i++) {
      uint64_t bits = esp_rng_bits(3, trial, ESP_RNG_TEST, (uint32_t)(i + 1));
      int exponent = (int)(bits % 64) + (trial % 2 ? -1074 : (int)(bits >> 6 & 1) * 900);
      term[i] = ldexp((double)((int64_t)bits >> 11), exponent - (trial % 2 ? 0 : 60));
    }
    assert_same_double(sum_of(FULL, term, n), oracle(term, n));
  }
}

static void products_keep_their_error(void **state) {
  (void)state;
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  __int128 exact = 0;
  for (uint64_t i = 0; i < 100000; i++) {
    int64_t a = (int64_t)esp_rng_bits(5, i, ESP_RNG_TEST, 0) >> 12,
            b = (int64_t)esp_rng_bits(5, i, ESP_RNG_TEST, 1) >> 12;
    esp_exact_add_product(FULL, acc, (double)a, (double)b);
    exact += (__int128)a * b;
    if (i % 1000 == 0) assert_same_double(esp_exact_value(FULL, acc), (double)exact);
  }
  int64_t zero[ESP_EXACT_FULL_WORDS] = {0};
  esp_exact_add_product(FULL, zero, 1 + DBL_EPSILON, 1 + DBL_EPSILON);
  esp_exact_add(FULL, zero, -1 - 2 * DBL_EPSILON);
  assert_same_double(esp_exact_value(FULL, zero), DBL_EPSILON * DBL_EPSILON);
  esp_exact_add_product(FULL, zero, DBL_MAX, 2);
  assert_same_double(esp_exact_value(FULL, zero), INFINITY);
}

static void what_cannot_be_summed(void **state) {
  (void)state;
  assert_same_double(SUM(FULL, 1, NAN, 2), NAN);
  assert_same_double(SUM(FULL, 1, INFINITY, -DBL_MAX, INFINITY), INFINITY);
  assert_same_double(SUM(FULL, 1, -INFINITY, DBL_MAX), -INFINITY);
  assert_same_double(SUM(FULL, INFINITY, -INFINITY), NAN);
  assert_same_double(SUM(FULL, INFINITY, NAN), NAN);
  /* More of them than a field can count, through carries and merges. */
  int64_t acc[2][ESP_EXACT_FULL_WORDS] = {{0}};
  for (int i = 0; i < 70000; i++) esp_exact_add(FULL, acc[0], INFINITY);
  assert_same_double(esp_exact_value(FULL, acc[0]), INFINITY);
  for (int i = 0; i < 300; i++) {
    for (int w = 0; w < FULL->words; w++) acc[1][w] += acc[0][w];
    if (i % 100 == 0) esp_exact_carry(FULL, acc[1], 1);
  }
  assert_same_double(esp_exact_value(FULL, acc[1]), INFINITY);
  esp_exact_add(FULL, acc[1], -INFINITY);
  esp_exact_carry(FULL, acc[1], 1);
  assert_same_double(esp_exact_value(FULL, acc[1]), NAN);
}

static void window_of_the_cell_format(void **state) {
  (void)state;
  double largest = nextafter(0x1p95, 0);
  assert_same_double(SUM(CELL, largest), largest);
  assert_same_double(SUM(CELL, -largest), -largest);
  assert_same_double(SUM(CELL, 0x1p95), NAN);
  assert_same_double(SUM(CELL, -0x1p95, 1), NAN);
  assert_same_double(SUM(CELL, INFINITY), INFINITY);
  assert_same_double(SUM(CELL, 0x1p-128, -0x1.8p-128), 0.0);
  assert_same_double(SUM(CELL, 0x1.ffffp-129, -DBL_TRUE_MIN), 0.0);
  assert_same_double(SUM(CELL, largest, 0x1p-128, -largest), 0x1p-128);
  int64_t acc[2][ESP_EXACT_CELL_WORDS + 1] = {{0}};
  acc[0][ESP_EXACT_CELL_WORDS] = 42; /* nothing may be written behind the accumulator */
  for (int i = 0; i < 1000; i++) esp_exact_add(CELL, acc[0], -largest);
  esp_exact_carry(CELL, acc[0], 1);
  assert_int_equal(acc[0][ESP_EXACT_CELL_WORDS], 42);
  assert_same_double(esp_exact_value(CELL, acc[0]), -1000 * largest);
}

/* 2^30 equal terms, made by multiplying the words of 2^10, fit before the carry. */
static void headroom(void **state) {
  (void)state;
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  double term = nextafter(2, 0);
  for (int i = 0; i < 1024; i++) esp_exact_add(FULL, acc, -term);
  for (int w = 1; w < FULL->words; w++) acc[w] *= 1 << 20;
  assert_same_double(esp_exact_value(FULL, acc), -0x1p30 * term);
  esp_exact_carry(FULL, acc, 1);
  for (int w = 1; w < FULL->words; w++) assert_true(llabs(acc[w]) <= INT64_C(1) << 31);
  assert_same_double(esp_exact_value(FULL, acc), -0x1p30 * term);
  for (int w = 1; w < FULL->words; w++) acc[w] *= 1 << 30;
  assert_same_double(esp_exact_value(FULL, acc), -0x1p60 * term);
}

/* A row of accumulators: each as if alone, in both formats. */
static void side_by_side(void **state) {
  (void)state;
  enum { COUNT = 9, ROUNDS = 50 };
  const esp_exact_format *format[] = {&ESP_EXACT_FULL, &ESP_EXACT_CELL};
  for (int f = 0; f < 2; f++) {
    int64_t row[COUNT * ESP_EXACT_FULL_WORDS] = {0}, alone[COUNT * ESP_EXACT_FULL_WORDS] = {0};
    for (int r = 0; r < ROUNDS; r++) {
      double term[COUNT];
      for (int k = 0; k < COUNT; k++) term[k] = ldexp(sin(r * COUNT + k), (7 * r + k) % 120 - 60);
      if (r == 20) term[3] = INFINITY, term[4] = NAN;
      esp_exact_add_row(format[f], row, term, r % 2 ? COUNT : COUNT - 1);
      for (int k = 0; k < (r % 2 ? COUNT : COUNT - 1); k++)
        esp_exact_add(format[f], alone + k * format[f]->words, term[k]);
    }
    assert_memory_equal(row, alone, sizeof row);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_terms_and_zeros),
                                     cmocka_unit_test(one_term_is_kept),
                                     cmocka_unit_test(rounding_is_to_nearest_even),
                                     cmocka_unit_test(huge_and_subnormal),
                                     cmocka_unit_test(million_terms),
                                     cmocka_unit_test(million_terms_in_cells),
                                     cmocka_unit_test(few_terms_of_any_size),
                                     cmocka_unit_test(products_keep_their_error),
                                     cmocka_unit_test(what_cannot_be_summed),
                                     cmocka_unit_test(window_of_the_cell_format),
                                     cmocka_unit_test(headroom),
                                     cmocka_unit_test(side_by_side)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
