/* How wrong a far cell of the gate's moments can be: a proven bound on its remainder.
 *
 * In units of s, about the cell's mean key: members t_j, |t_j| <= tau, receiver u, rho = |u|, p the order kept. Along a
 * member, h = |t_j|, x = u . t_j / h, the remainder of its Gaussian is exp(-rho^2 / 2) g_p(x, h),
 *   g_p(x, h) = exp(x h - h^2 / 2) - sum_{n <= p} h^n He_n(x) / n!.
 * With H_m(rho, tau) = sup { |g_p(x, h)| / h^m : |x| <= rho, 0 < h <= tau }, no remainder is larger than
 * h^m exp(-rho^2 / 2) H_m: all that is given away is the direction of t_j. Of directions the second moments know: with
 * F(y) = H_1(sqrt(y), tau)^2 and A the least number for which F(y) <= A + (F(rho^2) - A) y / rho^2 on [0, rho^2],
 *   sum_j v_j^2 Rem_j^2 <= exp(-rho^2) (A (tr X - r) + F r),  X = sum_j v_j^2 t_j t_j', r = u' X u / rho^2,
 * since a member has y = x^2. For signs of v that are independent and fair this sum is the mean square of the error.
 *
 * H is monotone in both arguments: tables of it and of A are read with both rounded up, so that they bound without
 * interpolation; inside a step of the grid they hold the mean value theorem's bound. Local, pure. */
#ifndef ESP_GATE_BOUND_H
#define ESP_GATE_BOUND_H

#include "base/base.h"

typedef struct {
  int order;
  double *zero, *one, *least; /* [columns: tau][rows: rho] H_0^2, H_1^2, A of H_1^2 */
} esp_gate_bound;

/* order 0..3. Some thirty milliseconds. Errors: memory. Free with esp_gate_bound_free. */
int esp_gate_bound_create(int order, esp_gate_bound *bound);
void esp_gate_bound_free(esp_gate_bound *bound);
/* Where the tables have cells of this tau; -1: nowhere. */
int esp_gate_bound_column(double tau);
/* Bound on sum_j v_j^2 Rem_j^2: of Q0 = sum_j v_j^2, tr X and u' X u. column: of tau. */
double esp_gate_bound_square(const esp_gate_bound *bound, int column, double rho, double tau, double Q0, double trX,
                             double uXu);

#endif
