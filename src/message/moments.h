/* Moments of weighted points about a centre, and the polynomials that go with them.
 *
 * A row of M = esp_moments_count(d, order) numbers has one place for each monomial of y_0 .. y_{d-1} of degree <= order:
 * 1; y_a; y_a y_b with a <= b; y_a y_b y_c with a <= b <= c; each degree in ascending order of its letters. Moments are
 * V_k = sum_j v_j m_k(y_j). A polynomial is q(y) = sum_k q_k m_k(y). The adjoint of moments is a polynomial: dLoss/dv_j =
 * q(y_j), dLoss/dy_j = v_j grad q(y_j) with q_k = dLoss/dV_k.
 *
 * Gaussian sums (far fields of gates): with u the receiver and y_j its senders about one centre, in units of the scale,
 *   sum_j v_j exp(-|u - y_j|^2 / 2) = exp(-|u|^2 / 2) P(u) + remainder,
 * P the Hermite series up to `order`, whose coefficients are linear in the moments (esp_moments_hermite).
 *
 * Defined here, for host and device alike. Local, pure, cannot fail. O(M) each, times d where a gradient is made. */
#ifndef ESP_MOMENTS_H
#define ESP_MOMENTS_H

#include "base/inline.h"

enum { ESP_MOMENTS_ORDER = 3 }; /* at most */

/* Monomials of degree <= order in d variables. */
ESP_INLINE int esp_moments_count(int d, int order) {
  int count = 1;
  for (int k = 1; k <= order; k++) count = count * (d + k) / k;
  return count;
}

/* Places: of y_a; of y_a y_b, a <= b; where degree 3 begins. */
ESP_INLINE int esp_moments_one(int a) {
  return 1 + a;
}
ESP_INLINE int esp_moments_two(int d, int a, int b) {
  return 1 + d + a * d - a * (a - 1) / 2 + b - a;
}
ESP_INLINE int esp_moments_three(int d) {
  return 1 + d + d * (d + 1) / 2;
}

/* V += v m(y). */
ESP_INLINE void esp_moments_add(int d, int order, double v, const double *y, double *V) {
  double *second = V + 1 + d, *third = V + esp_moments_three(d);
  V[0] += v;
  for (int a = 0; a < d && order >= 1; a++) {
    const double va = v * y[a];
    V[esp_moments_one(a)] += va;
    for (int b = a; b < d && order >= 2; b++) {
      const double vab = va * y[b];
      *second++ += vab;
      for (int c = b; c < d && order >= 3; c++) *third++ += vab * y[c];
    }
  }
}

/* to += the same points' moments about another centre: y becomes y + delta. */
ESP_INLINE void esp_moments_shift(int d, int order, const double *e, const double *V, double *to) {
  double *second = to + 1 + d, *third = to + esp_moments_three(d);
  const double *from = V + esp_moments_three(d);
  to[0] += V[0];
  for (int a = 0; a < d && order >= 1; a++) {
    to[esp_moments_one(a)] += V[esp_moments_one(a)] + e[a] * V[0];
    for (int b = a; b < d && order >= 2; b++) {
      *second++ +=
          V[esp_moments_two(d, a, b)] + e[a] * V[esp_moments_one(b)] + e[b] * (V[esp_moments_one(a)] + e[a] * V[0]);
      for (int c = b; c < d && order >= 3; c++)
        *third++ += *from++ + e[a] * V[esp_moments_two(d, b, c)] +
                    e[b] * (V[esp_moments_two(d, a, c)] + e[a] * V[esp_moments_one(c)]) +
                    e[c] * (V[esp_moments_two(d, a, b)] + e[a] * V[esp_moments_one(b)] +
                            e[b] * (V[esp_moments_one(a)] + e[a] * V[0]));
    }
  }
}

/* Its adjoint: dfrom += what dto says, which is the polynomial dto as one of y where it was one of y + delta. */
ESP_INLINE void esp_moments_shift_back(int d, int order, const double *e, const double *dto, double *dV) {
  const double *second = dto + 1 + d, *third = dto + esp_moments_three(d);
  double *from = dV + esp_moments_three(d);
  dV[0] += dto[0];
  for (int a = 0; a < d && order >= 1; a++) {
    dV[esp_moments_one(a)] += dto[esp_moments_one(a)];
    dV[0] += e[a] * dto[esp_moments_one(a)];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      dV[esp_moments_two(d, a, b)] += g;
      dV[esp_moments_one(b)] += e[a] * g;
      dV[esp_moments_one(a)] += e[b] * g;
      dV[0] += e[a] * e[b] * g;
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        *from++ += h;
        dV[esp_moments_two(d, b, c)] += e[a] * h;
        dV[esp_moments_two(d, a, c)] += e[b] * h;
        dV[esp_moments_two(d, a, b)] += e[c] * h;
        dV[esp_moments_one(c)] += e[a] * e[b] * h;
        dV[esp_moments_one(b)] += e[a] * e[c] * h;
        dV[esp_moments_one(a)] += e[b] * e[c] * h;
        dV[0] += e[a] * e[b] * e[c] * h;
      }
    }
  }
}

/* q(y); slope [d] += v grad q(y). */
ESP_INLINE double esp_moments_value(int d, int order, const double *q, double v, const double *y, double *slope) {
  const double *second = q + 1 + d, *third = q + esp_moments_three(d);
  double value = q[0];
  for (int a = 0; a < d && order >= 1; a++) {
    value += q[esp_moments_one(a)] * y[a];
    slope[a] += v * q[esp_moments_one(a)];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      value += g * y[a] * y[b];
      slope[a] += v * g * y[b];
      slope[b] += v * g * y[a];
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        value += h * y[a] * y[b] * y[c];
        slope[a] += v * h * y[b] * y[c];
        slope[b] += v * h * y[a] * y[c];
        slope[c] += v * h * y[a] * y[b];
      }
    }
  }
  return value;
}

/* sum [d] += sum_j v_j grad q(y_j), from the points' moments V. */
ESP_INLINE void esp_moments_slope(int d, int order, const double *q, const double *V, double *sum) {
  const double *second = q + 1 + d, *third = q + esp_moments_three(d);
  for (int a = 0; a < d && order >= 1; a++) {
    sum[a] += q[esp_moments_one(a)] * V[0];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      sum[a] += g * V[esp_moments_one(b)];
      sum[b] += g * V[esp_moments_one(a)];
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        sum[a] += h * V[esp_moments_two(d, b, c)];
        sum[b] += h * V[esp_moments_two(d, a, c)];
        sum[c] += h * V[esp_moments_two(d, a, b)];
      }
    }
  }
}

/* 1 / (how often each letter stands in a monomial)!: of a b, of a b c. */
ESP_INLINE double esp_moments_share2(int a, int b) {
  return a == b ? 0.5 : 1;
}
ESP_INLINE double esp_moments_share3(int a, int b, int c) {
  return a == b && b == c ? 1.0 / 6 : a == b || b == c ? 0.5 : 1;
}

/* P [M] = the Hermite series of the moments V. */
ESP_INLINE void esp_moments_hermite(int d, int order, const double *V, double *P) {
  const double *second = V + 1 + d, *third = V + esp_moments_three(d);
  double *to2 = P + 1 + d, *to3 = P + esp_moments_three(d);
  P[0] = V[0];
  for (int a = 0; a < d && order >= 1; a++) P[esp_moments_one(a)] = V[esp_moments_one(a)];
  for (int a = 0; a < d && order >= 2; a++)
    for (int b = a; b < d; b++) {
      *to2++ = esp_moments_share2(a, b) * *second;
      if (a == b) P[0] -= 0.5 * *second;
      second++;
      for (int c = b; c < d && order >= 3; c++) {
        const double v = *third++;
        *to3++ = esp_moments_share3(a, b, c) * v;
        if (a == b) P[esp_moments_one(c)] -= 0.5 * v;
        if (b == c && a != b) P[esp_moments_one(a)] -= 0.5 * v;
      }
    }
}

/* Its adjoint: dV [M] = from dP; may be the same array. */
ESP_INLINE void esp_moments_hermite_back(int d, int order, const double *dP, double *dV) {
  const double *second = dP + 1 + d, *third = dP + esp_moments_three(d);
  double *to2 = dV + 1 + d, *to3 = dV + esp_moments_three(d);
  dV[0] = dP[0];
  for (int a = 0; a < d && order >= 1; a++) dV[esp_moments_one(a)] = dP[esp_moments_one(a)];
  for (int a = 0; a < d && order >= 2; a++)
    for (int b = a; b < d; b++) {
      *to2++ = esp_moments_share2(a, b) * *second++ - (a == b ? 0.5 * dP[0] : 0);
      for (int c = b; c < d && order >= 3; c++)
        *to3++ = esp_moments_share3(a, b, c) * *third++ - (a == b ? 0.5 * dP[esp_moments_one(c)] : 0) -
                 (b == c && a != b ? 0.5 * dP[esp_moments_one(a)] : 0);
    }
}

/* Of the second moments X = sum v y y', where the order is 2 or more: their trace, and u' X u. */
ESP_INLINE double esp_moments_trace(int d, const double *V) {
  double sum = 0;
  for (int a = 0; a < d; a++) sum += V[esp_moments_two(d, a, a)];
  return sum;
}

ESP_INLINE double esp_moments_along(int d, const double *V, const double *u) {
  const double *second = V + 1 + d;
  double sum = 0;
  for (int a = 0; a < d; a++) {
    sum += *second++ * u[a] * u[a];
    for (int b = a + 1; b < d; b++) sum += 2 * *second++ * u[a] * u[b];
  }
  return sum;
}

#endif
