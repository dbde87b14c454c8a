/* Expansions in float64 (fmm/expansion.h), as plain loops over their terms, for whoever compiles them. */
#ifndef ESP_FMM_PAIRS_WIDE_H
#define ESP_FMM_PAIRS_WIDE_H

#include <math.h>

#include "fmm/cells.h"

/* All derivatives of (x^2 + eps^2)^(-1/2) up to the order; D[0] is it itself. */
ESP_INLINE void wide_derivatives(int order, const double *x, double eps2, double *D) {
  double d[ESP_FMM_ORDER_MAX + 1][ESP_FMM_TERMS], f = 1 / sqrt((x[0] * x[0] + x[1] * x[1]) + (x[2] * x[2] + eps2));
  const double f2 = f * f;
  for (int k = 0; k <= order; k++, f *= -(2 * k - 1) * f2) d[k][0] = f;
  for (int k = order - 1; k >= 0; k--)
    for (int n = 1; n <= order - k; n++)
      for (int a = n; a >= 0; a--)
        for (int b = n - a; b >= 0; b--) {
          int e[3] = {a, b, n - a - b};
          const int axis = a ? 0 : b ? 1 : 2, here = esp_fmm_term(a, b, n - a - b);
          const int less = --e[axis];
          d[k][here] = x[axis] * d[k + 1][esp_fmm_term(e[0], e[1], e[2])];
          if (!less) continue;
          e[axis]--;
          d[k][here] += less * d[k + 1][esp_fmm_term(e[0], e[1], e[2])];
        }
  for (int t = 0; t < ESP_FMM_TERMS; t++) D[t] = d[0][t];
}

ESP_INLINE double power_over_factorial(double x, int n) {
  double p = 1;
  for (int k = 1; k <= n; k++) p *= x / k;
  return p;
}

/* x^a y^b z^c / (a! b! c!). */
ESP_INLINE double monomial(const double *x, int a, int b, int c) {
  return power_over_factorial(x[0], a) * power_over_factorial(x[1], b) * power_over_factorial(x[2], c);
}

/* to[m] += sum over n of from[n + m] by[n], |n| <= most - |m|, for |m| <= upto. */
ESP_INLINE void wide_contract(int most, int upto, const double *from, const double *by, double *to) {
  for (int m = 0; m <= upto; m++)
    for (int a = 0; a <= m; a++)
      for (int b = 0; a + b <= m; b++)
        for (int n = 0; n <= most - m; n++)
          for (int i = 0; i <= n; i++)
            for (int j = 0; i + j <= n; j++)
              to[esp_fmm_term(a, b, m - a - b)] +=
                  from[esp_fmm_term(a + i, b + j, m - a - b + n - i - j)] * by[esp_fmm_term(i, j, n - i - j)];
}

/* The moments up to `upto` times (-1)^n / n!. */
ESP_INLINE void signed_moments(const double *raw, int upto, double *by) {
  const double one[3] = {-1, -1, -1};
  for (int t = 0; t < ESP_FMM_TERMS; t++) by[t] = 0;
  for (int n = 0; n <= upto; n++)
    for (int a = 0; a <= n; a++)
      for (int b = 0; a + b <= n; b++) {
        const int term = esp_fmm_term(a, b, n - a - b);
        by[term] = raw[term] * monomial(one, a, b, n - a - b);
      }
}

/* esp_fmm_expand of a cell at c. */
ESP_INLINE void wide_expand(const double *c, const double *raw, double eps2, const double *at, int moments, int order,
                            int terms, double *L) {
  double D[ESP_FMM_TERMS], by[ESP_FMM_TERMS];
  const double x[3] = {at[0] - c[0], at[1] - c[1], at[2] - c[2]};
  wide_derivatives(order, x, eps2, D);
  signed_moments(raw, moments, by);
  wide_contract(order, terms, D, by, L);
}

#endif
