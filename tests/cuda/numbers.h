/* Arithmetic of a device. Host arrays; one thread a row. */
#ifndef ESP_TESTS_NUMBERS_H
#define ESP_TESTS_NUMBERS_H

#ifdef __cplusplus
extern "C" {
#endif

enum { NUMBERS = 16 };
/* whole[n][NUMBERS] of bits[n]: popc, ffs, clz, brev, of both halves joined (bits, ~bits) popcll, ffsll, clzll, brevll's
 * lower half, umulhi, mulhi, atomicCAS' old value and new one, min, max, float's bits + 1 (of bits >> 4), sizes and
 * alignments of vector types, weighted. */
int numbers_whole(int n, const unsigned *bits, int *whole);
/* real[n][NUMBERS] of a, b, c [n]: rounded add, sub, mul, div, fma, 1 / a, sqrt in float; the same in double; min and max. */
int numbers_real(int n, const float *a, const float *b, const float *c, double *real);
/* fixed[n][NUMBERS] of a: to int to nearest, down, towards 0, of float, of double; 0 behind. */
int numbers_fixed(int n, const float *a, int *fixed);

#ifdef __cplusplus
}
#endif
#endif
