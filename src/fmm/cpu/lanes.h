/* Vectors of ESP_WIDTH floats. Sixteen lanes are 16 / ESP_WIDTH of them, so a lane's number, and with it every order of
 * sums, is the same at every width; and every operation is one that is rounded once, named here: a product-sum is fused
 * where it says fv_fma, and nowhere else (-ffp-contract=off). */
#ifndef ESP_FMM_LANES_H
#define ESP_FMM_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if ESP_WIDTH > 1
#include <immintrin.h>
#endif

#include "base/inline.h"

#define ESP_UNROLL _Pragma("GCC unroll 64")

enum { LANES = 16, WIDTH = ESP_WIDTH };

#if ESP_WIDTH == 1
#include "fmm/pairs/lane.h"
#else
typedef float fv __attribute__((vector_size(4 * ESP_WIDTH)));
typedef uint32_t uv __attribute__((vector_size(4 * ESP_WIDTH)));
#endif

ESP_INLINE fv fv_load(const float *p) {
  fv v;
  memcpy(&v, p, sizeof v);
  return v;
}

ESP_INLINE void fv_store(float *p, fv v) {
  memcpy(p, &v, sizeof v);
}

#if ESP_WIDTH > 1
ESP_INLINE uv fv_bits(fv v) {
  uv u;
  memcpy(&u, &v, sizeof u);
  return u;
}

ESP_INLINE fv uv_float(uv u) {
  fv v;
  memcpy(&v, &u, sizeof v);
  return v;
}
#endif

#if ESP_WIDTH == 16
ESP_INLINE fv fv_all(float x) {
  return (fv)_mm512_set1_ps(x);
}
/* a b + c; c - a b. */
ESP_INLINE fv fv_fma(fv a, fv b, fv c) {
  return (fv)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
ESP_INLINE fv fv_fnma(fv a, fv b, fv c) {
  return (fv)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
ESP_INLINE fv fv_min(fv a, fv b) {
  return (fv)_mm512_min_ps((__m512)a, (__m512)b);
}
ESP_INLINE fv fv_max(fv a, fv b) {
  return (fv)_mm512_max_ps((__m512)a, (__m512)b);
}
ESP_INLINE fv fv_sqrt(fv a) {
  return (fv)_mm512_sqrt_ps((__m512)a);
}
#elif ESP_WIDTH == 8
ESP_INLINE fv fv_all(float x) {
  return (fv)_mm256_set1_ps(x);
}
ESP_INLINE fv fv_fma(fv a, fv b, fv c) {
  return (fv)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
ESP_INLINE fv fv_fnma(fv a, fv b, fv c) {
  return (fv)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
ESP_INLINE fv fv_min(fv a, fv b) {
  return (fv)_mm256_min_ps((__m256)a, (__m256)b);
}
ESP_INLINE fv fv_max(fv a, fv b) {
  return (fv)_mm256_max_ps((__m256)a, (__m256)b);
}
ESP_INLINE fv fv_sqrt(fv a) {
  return (fv)_mm256_sqrt_ps((__m256)a);
}
#else
ESP_INLINE fv fv_max(fv a, fv b) {
  return a > b ? a : b;
}
#endif

#if ESP_WIDTH > 1
/* q, or `instead` in the lane whose number is this one. */
ESP_INLINE fv fv_other(fv number, float one, fv q, float instead) {
  const uv mask = (uv)(number == fv_all(one));
  return uv_float((mask & fv_bits(fv_all(instead))) | (~mask & fv_bits(q)));
}
#endif

/* Columns [4] of WIDTH rows: column[k] lane l = row[l][k]. */
#if ESP_WIDTH == 1
ESP_INLINE void fv_columns(const float *const *row, fv column[4]) {
  for (int k = 0; k < 4; k++) column[k] = row[0][k];
}
#else
ESP_INLINE void fv_columns(const float *const *row, fv column[4]) {
  fv t[4]; /* of 128 bits each: rows i, 4 + i, 8 + i, 12 + i */
  for (int i = 0; i < 4; i++) {
#if ESP_WIDTH == 8
    t[i] = (fv)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i])), _mm_loadu_ps(row[4 + i]), 1);
#else
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(row[i]));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(row[4 + i]), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(row[8 + i]), 2);
    t[i] = (fv)_mm512_insertf32x4(v, _mm_loadu_ps(row[12 + i]), 3);
#endif
  }
#if ESP_WIDTH == 8
  const __m256 a = _mm256_unpacklo_ps((__m256)t[0], (__m256)t[1]), b = _mm256_unpackhi_ps((__m256)t[0], (__m256)t[1]);
  const __m256 c = _mm256_unpacklo_ps((__m256)t[2], (__m256)t[3]), d = _mm256_unpackhi_ps((__m256)t[2], (__m256)t[3]);
  column[0] = (fv)_mm256_shuffle_ps(a, c, 0x44);
  column[1] = (fv)_mm256_shuffle_ps(a, c, 0xee);
  column[2] = (fv)_mm256_shuffle_ps(b, d, 0x44);
  column[3] = (fv)_mm256_shuffle_ps(b, d, 0xee);
#else
  const __m512 a = _mm512_unpacklo_ps((__m512)t[0], (__m512)t[1]), b = _mm512_unpackhi_ps((__m512)t[0], (__m512)t[1]);
  const __m512 c = _mm512_unpacklo_ps((__m512)t[2], (__m512)t[3]), d = _mm512_unpackhi_ps((__m512)t[2], (__m512)t[3]);
  column[0] = (fv)_mm512_shuffle_ps(a, c, 0x44);
  column[1] = (fv)_mm512_shuffle_ps(a, c, 0xee);
  column[2] = (fv)_mm512_shuffle_ps(b, d, 0x44);
  column[3] = (fv)_mm512_shuffle_ps(b, d, 0xee);
#endif
}
#endif

/* Doubles for decisions: four at once, or one. A comparison gives all bits or none. */
#if ESP_WIDTH == 1
enum { DECISIONS = 1 };
#else
enum { DECISIONS = 4 };
typedef double dv __attribute__((vector_size(32)));
typedef int64_t dm __attribute__((vector_size(32)));
ESP_INLINE dv dv_all(double x) {
  return (dv)_mm256_set1_pd(x);
}
ESP_INLINE dv dv_root(dv a) {
  return (dv)_mm256_sqrt_pd((__m256d)a);
}
ESP_INLINE dv dv_size(dv a) {
  return (dv)_mm256_andnot_pd(_mm256_set1_pd(-0.0), (__m256d)a);
}
ESP_INLINE dm dv_less(dv a, dv b) {
  return (dm)(a < b);
}
ESP_INLINE dm dm_less(dm a, dm b) {
  return (dm)(a < b);
}
ESP_INLINE dm dm_all(int64_t x) {
  return (dm)_mm256_set1_epi64x(x);
}
/* a where the mask is set, else b. */
ESP_INLINE dv dv_choose(dm m, dv a, dv b) {
  return (dv)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m);
}
#endif
ESP_INLINE dv dv_load(const double *p) {
  dv v;
  memcpy(&v, p, sizeof v);
  return v;
}
ESP_INLINE dm dm_load(const int64_t *p) {
  dm v;
  memcpy(&v, p, sizeof v);
  return v;
}
ESP_INLINE void dv_store(double *p, dv v) {
  memcpy(p, &v, sizeof v);
}

#if ESP_WIDTH > 1
/* Columns of four rows of four doubles. */
ESP_INLINE void dv_columns(const double *r0, const double *r1, const double *r2, const double *r3, __m256d column[4]) {
  const __m256d a = _mm256_loadu_pd(r0), b = _mm256_loadu_pd(r1), c = _mm256_loadu_pd(r2), d = _mm256_loadu_pd(r3);
  const __m256d p = _mm256_unpacklo_pd(a, b), q = _mm256_unpackhi_pd(a, b);
  const __m256d r = _mm256_unpacklo_pd(c, d), s = _mm256_unpackhi_pd(c, d);
  column[0] = _mm256_permute2f128_pd(p, r, 0x20);
  column[1] = _mm256_permute2f128_pd(q, s, 0x20);
  column[2] = _mm256_permute2f128_pd(p, r, 0x31);
  column[3] = _mm256_permute2f128_pd(q, s, 0x31);
}
#endif

/* q^(-1/2). */
ESP_INLINE fv fv_root(fv q) {
  return fv_all(1) / fv_sqrt(q);
}

/* The sum of sixteen lanes, halved again and again. */
ESP_INLINE float lanes_sum(const float *lane) {
  float v[LANES / 2];
  for (int l = 0; l < 8; l++) v[l] = lane[l] + lane[l + 8];
  for (int l = 0; l < 4; l++) v[l] = v[l] + v[l + 4];
  return (v[0] + v[2]) + (v[1] + v[3]);
}

#endif
