/* Expansions in float32, in lanes: a cell into a node, a node into its children, a node onto its bodies; for whoever has
 * lanes of them (fmm/cpu/lanes.h: vectors of a CPU; cuda/fmm_lanes.cuh: one of a device's thread), who includes those before.
 *
 * Every cell is taken in units of its own distance: with u = (|x|^2 + eps^2)^(-1/2), n = x u, and moments in units of 1/u
 *
 *   L_m += u^(|m| + 1) sum_n M_n u^|n| D_{n+m},   D the derivatives at n with |n|^2 + (eps u)^2 = 1
 *
 * so no power of a distance is formed beyond what the result has, and whatever a cell's size, distance and mass, nothing
 * leaves float32's range that matters. A node's expansion is in units of its own scale (esp_frame). */
#ifndef ESP_FMM_PAIRS_EXPAND_H
#define ESP_FMM_PAIRS_EXPAND_H

#include "fmm/cells.h"

/* Exponents of the terms in their order: closed forms, which a compiler folds where loops over terms are unrolled. */
ESP_INLINE int term_order(int t) {
  return t < 1 ? 0 : t < 4 ? 1 : t < 10 ? 2 : t < 20 ? 3 : t < 35 ? 4 : 5;
}
ESP_INLINE int term_exponent(int t, int axis) {
  const int n = term_order(t), k = t - n * (n + 1) * (n + 2) / 6;
  const int s = k < 1 ? 0 : k < 3 ? 1 : k < 6 ? 2 : k < 10 ? 3 : k < 15 ? 4 : 5, c = k - s * (s + 1) / 2;
  return axis == 0 ? n - s : axis == 1 ? s - c : c;
}

/* Terms up to an order. */
#define TERMS(n) (((n) + 1) * ((n) + 2) * ((n) + 3) / 6)
#define PLUS(s, t)                                                                                   \
  esp_fmm_term(term_exponent(s, 0) + term_exponent(t, 0), term_exponent(s, 1) + term_exponent(t, 1), \
               term_exponent(s, 2) + term_exponent(t, 2))

/* f^(k) of the softened potential at unit distance. */
ESP_INLINE float odd_factorial(int k) {
  return k == 0 ? 1.0f : k == 1 ? -1.0f : k == 2 ? 3.0f : k == 3 ? -15.0f : k == 4 ? 105.0f : -945.0f;
}

/* What a node knows of itself: its centre, and the power of two that its lengths are in units of. */
typedef struct {
  double centre[3], inverse; /* 1/scale */
  float eps2;                /* in its units */
} esp_frame;

/* Derivatives up to order - k of the k-th of the chain: from those of the next, up to one order less. */
ESP_INLINE void chain(const int order, const int k, const fv *x, const fv *next, fv *d) {
  d[0] = fv_all(odd_factorial(k));
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - k); t++) {
    const int a = term_exponent(t, 0), b = term_exponent(t, 1), c = term_exponent(t, 2);
    const int axis = a == 1 ? 0 : b == 1 ? 1 : c == 1 ? 2 : a ? 0 : b ? 1 : 2, e = term_exponent(t, axis);
    const int i = a - (axis == 0), j = b - (axis == 1), l = c - (axis == 2);
    d[t] = x[axis] * next[esp_fmm_term(i, j, l)];
    if (e > 1)
      d[t] =
          fv_fma(fv_all((float)(e - 1)), next[esp_fmm_term(i - (axis == 0), j - (axis == 1), l - (axis == 2))], d[t]);
  }
}

ESP_INLINE void derivatives(const int order, const fv *x, fv *D) {
  fv d5[1], d4[4], d3[10], d2[20], d1[35];
  if (order >= 5) chain(order, 5, x, NULL, d5);
  if (order >= 4) chain(order, 4, x, d5, d4);
  if (order >= 3) chain(order, 3, x, d4, d3);
  chain(order, 2, x, d3, d2);
  chain(order, 1, x, d2, d1);
  chain(order, 0, x, d1, D);
}

/* The terms of order m of an expansion. M[0] mass, M[4..] moments. */
ESP_INLINE void contract(const int order, const int m, const fv *M, const fv *D, fv power, fv *L) {
  const int moments = TERMS(m ? order - m : order - 1);
  ESP_UNROLL
  for (int t = TERMS(m - 1); t < TERMS(m); t++) {
    fv sum = M[0] * D[t];
    ESP_UNROLL
    for (int s = 4; s < moments; s++) sum = fv_fma(M[s], D[PLUS(s, t)], sum);
    L[t] = fv_fma(sum, power, L[t]);
  }
}

/* Moments in units of 1/u: those of a cell are in units of its own scale. */
ESP_INLINE void scale_order(const int n, fv power, fv *M) {
  ESP_UNROLL
  for (int k = TERMS(n - 1); k < TERMS(n); k++) M[k] = M[k] * power;
}

/* L += one cell a lane: x from its centre to the node's, in units of the node, and M, its mass and moments, are changed on the
 * way; radius: its own. */
ESP_INLINE void expand_cells(const int order, float inverse, float eps2, fv radius, fv *x, fv *M, fv *L) {
  fv D[ESP_FMM_TERMS];
  fv q = fv_fma(x[2], x[2], fv_all(eps2));
  q = fv_fma(x[0], x[0], fv_fma(x[1], x[1], q));
  const fv u = fv_root(fv_min(q, fv_all(0x1p124f)));
  for (int a = 0; a < 3; a++) x[a] = x[a] * u;
  derivatives(order, x, D);
  const fv step = u * (uv_float(fv_bits(radius) & 0x7f800000u) * fv_all(inverse)), step2 = step * step;
  if (order >= 3) scale_order(2, step2, M);
  if (order >= 4) scale_order(3, step2 * step, M);
  if (order >= 5) scale_order(4, step2 * step2, M);
  const fv u2 = u * u, u3 = u2 * u, u4 = u2 * u2, u5 = u3 * u2;
  contract(order, 0, M, D, u, L);
  contract(order, 1, M, D, u2, L);
  contract(order, 2, M, D, u3, L);
  if (order >= 3) contract(order, 3, M, D, u4, L);
  if (order >= 4) contract(order, 4, M, D, u5, L);
  if (order >= 5) contract(order, 5, M, D, u3 * u3, L);
}

/* to: an expansion about another place, d from the old one in units of the old scale; shrink: the new scale over it. */
ESP_INLINE void move_terms(const int order, const int m, const float *from, const float *by, float power, float *to) {
  ESP_UNROLL
  for (int t = TERMS(m - 1); t < TERMS(m); t++) {
    float sum = from[t];
    ESP_UNROLL
    for (int s = 1; s < TERMS(order - m); s++) sum = fmaf(by[s], from[PLUS(s, t)], sum);
    to[t] = sum * power;
  }
}

ESP_INLINE void move(const int order, const float *from, const float *d, float shrink, float *to) {
  float by[ESP_FMM_TERMS] = {1}, power = shrink;
  ESP_UNROLL
  for (int t = 1; t < TERMS(order); t++) {
    const int a = term_exponent(t, 0), b = term_exponent(t, 1), c = term_exponent(t, 2), axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] *
            (d[axis] * (1.0f / (float)term_exponent(t, axis)));
  }
  move_terms(order, 0, from, by, power, to);
  move_terms(order, 1, from, by, power *= shrink, to);
  move_terms(order, 2, from, by, power *= shrink, to);
  if (order >= 3) move_terms(order, 3, from, by, power *= shrink, to);
  if (order >= 4) move_terms(order, 4, from, by, power *= shrink, to);
  if (order >= 5) move_terms(order, 5, from, by, power *= shrink, to);
}

/* Sums of bodies += the expansion of their node: acceleration [3], potential with its sign turned. */
ESP_INLINE void apply(const int order, const float *L, const fv *x, fv *sum) {
  fv by[TERMS(ESP_FMM_ORDER_MAX)];
  by[0] = fv_all(1);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order); t++) {
    const int a = term_exponent(t, 0), b = term_exponent(t, 1), c = term_exponent(t, 2), axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] *
            (x[axis] * fv_all(1.0f / (float)term_exponent(t, axis)));
  }
  ESP_UNROLL
  for (int e = 0; e < 3; e++) {
    ESP_UNROLL
    for (int t = 0; t < TERMS(order - 1); t++) sum[e] = fv_fma(by[t], fv_all(L[PLUS(e + 1, t)]), sum[e]);
  }
  ESP_UNROLL
  for (int t = 0; t < TERMS(order); t++) sum[3] = fv_fma(by[t], fv_all(L[t]), sum[3]);
}

#endif
