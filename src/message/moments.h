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
 * Local, pure, cannot fail. O(M) each, times d where a gradient is made. */
#ifndef ESP_MOMENTS_H
#define ESP_MOMENTS_H

#include <stddef.h>

enum { ESP_MOMENTS_ORDER = 3 }; /* at most */

/* Monomials of degree <= order in d variables. */
int esp_moments_count(int d, int order);
/* V += v m(y). */
void esp_moments_add(int d, int order, double v, const double *y, double *V);
/* to += the same points' moments about another centre: y becomes y + delta. Its adjoint: dfrom += what dto says, which is
 * the polynomial dto as one of y where it was one of y + delta. */
void esp_moments_shift(int d, int order, const double *delta, const double *from, double *to);
void esp_moments_shift_back(int d, int order, const double *delta, const double *dto, double *dfrom);
/* q(y); slope [d] += v grad q(y). */
double esp_moments_value(int d, int order, const double *q, double v, const double *y, double *slope);
/* sum [d] += sum_j v_j grad q(y_j), from the points' moments V. */
void esp_moments_slope(int d, int order, const double *q, const double *V, double *sum);
/* P [M] = the Hermite series of the moments V; its adjoint: dV [M] = from dP. */
void esp_moments_hermite(int d, int order, const double *V, double *P);
void esp_moments_hermite_back(int d, int order, const double *dP, double *dV);
/* Of the second moments X = sum v y y', where the order is 2 or more: their trace, and u' X u. */
double esp_moments_trace(int d, const double *V);
double esp_moments_along(int d, const double *V, const double *u);

#endif
