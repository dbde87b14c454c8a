/* The backward pass of fmm.h: with g_i = dL/da_i of every body, r = y_j - y_k and H the matrix of second derivatives of
 * (r^2 + eps^2)^(-1/2),
 *
 *   dL/dy_k = sum_{j != k} H(r) (m_j g_k - m_k g_j),   dL/dm_k = - sum_{j != k} g_j . r / (r^2 + eps^2)^(3/2)
 *
 * Terms that are not finite, of bodies at one place without softening, are left out. It is these sums to a tolerance, not
 * the transpose of what the forward pass computes.
 *
 * One pass, in which every body hears of masses and of g alike. The tree, the queue and the kinds of fmm.h, but for these:
 *
 * A cell J is judged by the weights w_j = m_j / M + |g_j| / G of its bodies, M and G the least powers of two above the sums of m and
 * of |g|: mass, centre of mass and moments in the rules are those of w. About that centre it has moments of m up to order P - 2
 * and of the dipoles g from 1 to P - 1, so that both are cut at the same derivatives.
 *
 *   1 nothing     J has no weight
 *   2 expand      E < T_I and r_I + R_J < 0.9 d; E is that of order P - 1 with d^(P+2) for d^(P+1)
 *   3 cell        else, I has no children: E < T_I and R_J < 0.9 D with r_I = 0, D for d, without f; or R_J = 0. J's moments on
 *                 every body of I
 *   4, 5          as there
 *
 * T_I = 32 tolerance t, where t is the least tide in I. The tide of m is the largest of: sum m of the sibling of I, or of that of
 * a node I lies in, over (r^2 + eps^2)^(3/2), r the half diagonal of their parent; and sum m of I but for the heaviest over the same
 * of I. The tide of g is the same of (sum |g|^2)^(1/2), as if they pointed anywhere. That of a node of at most 32 bodies is the
 * mean of both in units of M and G, weighed with what its bodies do with them: sum |g| / G of I, and sum m / M. So what is left out
 * of sums of H is a share of sums of H. Order 2 is taken as 3.
 *
 * Tolerance. The error of dL/dy_k over its size, rms over the bodies, for g at random or along the force: 1e-2 at order 4 and
 * tolerance 5e-4, 2.5e-3 at order 5 and 1e-4, 8e-2 at order 3 and 5.5e-3; two and a half times that where one body in seven has nearly
 * all of g. A force errs ten times less at these: one order of the expansions is lost to the derivative. What a body hears that
 * is less than 2^-100 of units in which its receiver's extent, or the softening, is about 1 may be 0. */
#ifndef ESP_FMM_ADJOINT_H
#define ESP_FMM_ADJOINT_H

#include "fmm/fmm.h"

/* Results. Arrays are the caller's; each may be NULL. */
typedef struct {
  double (*dposition)[3]; /* [n] in the bodies' order */
  double *dmass;          /* [n] */
  const esp_fmm_witness *witness;
  esp_fmm_cost *cost;
} esp_fmm_gradient;

/* g [n][3] finite. The result is a pure function of the arguments; bodies->previous is not read. Collective over comm. Errors,
 * on all ranks: those of esp_fmm_force; ESP_ERR_VALUE for g, with the body's place in the arrays. */
int esp_fmm_adjoint(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                    const double (*g)[3], const esp_fmm_gradient *to);

/* The same in plain float64 loops, one function a sentence of the above, and over all pairs. */
int esp_fmm_adjoint_specification(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const double (*g)[3],
                                  const esp_fmm_gradient *to);
int esp_fmm_adjoint_all_pairs(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const double (*g)[3],
                              const esp_fmm_gradient *to);

#endif
