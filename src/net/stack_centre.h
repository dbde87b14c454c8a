/* Mlp messages as differences from silence: num -= den silu(u), and its adjoint (net/stack.h has the letters).
 *
 * A sender of w = 0 with W3 = 0 then says nothing: what is left is what senders add to what the receiver says to itself.
 * Without it the sum is mostly the number of senders within the gate, and training did not start (docs/figures/relation.md).
 * Home rows, float64; a row's numbers do not depend on its neighbours. Local; cannot fail; n = 0 is fine. */
#ifndef ESP_STACK_CENTRE_H
#define ESP_STACK_CENTRE_H

#include "net/dense.h"

/* u [n][C]; sum [n][C + 1]: num, den. num is changed. */
void esp_stack_centre(const esp_dense *dense, int n, int C, const double *u, double *sum);
/* dsum [n][C + 1]: dLoss/d(changed num), dLoss/dden; the part of den that num takes is added to the latter. */
void esp_stack_centre_sum(const esp_dense *dense, int n, int C, const double *u, double *dsum);
/* du [n][C] += the part of u; den from sum, the first C of each dsum. */
void esp_stack_centre_offset(const esp_dense *dense, int n, int C, const double *u, const double *sum,
                             const double *dsum, double *du);

#endif
