/* Sums that do not depend on the order of their terms.
 *
 * An accumulator is a row of `format->words` int64 words: word 0 counts what cannot be summed (NaN, +Inf, -Inf, out of
 * window: four 15-bit fields), words 1.. are digits in base 2^32 of a two's-complement-like fixed-point number whose
 * last digit has weight 2^format->lsb. A term is cut at 2^lsb toward zero (exactly 0 loss in the full format) and its
 * digits are added to the words it touches, signed, without carry. So accumulators are added word by word, by hand, by
 * MPI_SUM on MPI_INT64_T, or by ncclSum on ncclInt64, in any order, and give the same words' value.
 *
 * Headroom: 2^30 terms between two calls of esp_exact_carry; after a carry every digit lies in [-2^31, 2^31], so
 * 2^30 carried accumulators can be added. esp_exact_value needs no carry first.
 *
 * Method: fixed-point accumulation in exponent bins, as in Collange, Defour, Graillat, Iakymchuk, "Numerical
 * reproducibility for the parallel reduction on multi- and many-core architectures", Parallel Computing 49 (2015), and
 * Demmel, Nguyen, "Parallel reproducible summation", IEEE Trans. Comput. 64 (2015). */
#ifndef ESP_EXACT_SUM_H
#define ESP_EXACT_SUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/exact_add.h"

typedef struct {
  int words; /* int64 words of one accumulator, status word included */
  int lsb;   /* weight of the last bit is 2^lsb; the top digit's last bit is 2^(lsb + 32 (words - 2)) */
} esp_exact_format;

/* Every finite double, exactly. 552 bytes. */
extern const esp_exact_format ESP_EXACT_FULL;
/* |term| < 2^95, cut at 2^-128: for the adjoints of cells, of which there are many. A larger term sets the status
 * word. 64 bytes. */
extern const esp_exact_format ESP_EXACT_CELL;

/* acc += term. Local. */
void esp_exact_add(const esp_exact_format *format, int64_t *acc, double term);
/* The same for `count` accumulators that lie side by side: accumulator k += term [k]. */
void esp_exact_add_row(const esp_exact_format *format, int64_t *acc, const double *term, int count);
/* acc += a * b with the product's error kept (two terms, by fma): dot products without loss in the full format. */
void esp_exact_add_product(const esp_exact_format *format, int64_t *acc, double a, double b);
/* Bring the digits of `count` accumulators back into range without changing their values. */
void esp_exact_carry(const esp_exact_format *format, int64_t *acc, size_t count);
/* The value, rounded once to the nearest double (ties to even). NaN if a NaN, opposite infinities or an out-of-window
 * term was added; an infinity if only that sign's was. */
double esp_exact_value(const esp_exact_format *format, const int64_t *acc);

#endif
