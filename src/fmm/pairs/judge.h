/* What becomes of cells, and what they give to |a|, in float64 by plain sums, products, quotients and roots: the decisions of the
 * specification bit by bit, for whoever has lanes of cells (fmm/cpu/lanes.h, cuda/fmm_lanes.cuh), who includes those before. */
#ifndef ESP_FMM_PAIRS_JUDGE_H
#define ESP_FMM_PAIRS_JUDGE_H

#include <math.h>

#include "fmm/cells.h"

/* The square of the distance from a node's box, x from its centre. */
ESP_INLINE dv gap_squared(const esp_fmm_node *I, const dv *x) {
  dv D[3];
  for (int a = 0; a < 3; a++) {
    const dv gap = dv_size(x[a]) - dv_all(I->half[a]);
    D[a] = dv_choose(dv_less(dv_all(0), gap), gap, dv_all(0));
  }
  return (D[0] * D[0] + D[1] * D[1]) + D[2] * D[2];
}

/* Rule 3, of the force or of its backward pass: a bound of moments, and the power of the distance that it goes with. */
ESP_INLINE void cell_bound(const int order, const int adjoint, dv b2, dv b4, dv D2, dv *bound, dv *distance) {
  const dv b42 = b4 * b4, D4 = D2 * D2;
  if (adjoint) {
    *bound = order == 3 ? b2 * b2 : order == 4 ? b2 * b42 : b42 * b42;
    *distance = order == 3 ? dv_root(D2) * D4 : order == 4 ? D2 * D4 : dv_root(D2) * D2 * D4;
  } else {
    *bound = order == 2 ? b2 * b2 : b2 * b42;
    *distance = order == 2 ? D4 : dv_root(D2) * D2 * D2;
  }
}

ESP_INLINE dm acts_as_cell(const int order, const int adjoint, const esp_fmm_node *I, double t, double eps2,
                           const dv *x, dv mass, dv b2, dv b4, dv reach) {
  const dv D2 = gap_squared(I, x) + dv_all(eps2);
  dv bound, distance;
  cell_bound(order, adjoint, b2, b4, D2, &bound, &distance);
  return (dv_less(mass * bound, dv_all(t) * distance) & dv_less(reach * reach, dv_all(0.81) * D2)) |
         ~dv_less(dv_all(0), reach);
}

/* What decides about cells. parent: > 0: they have children. */
typedef struct {
  dv c[3], mass, radius, b2, b4, reach, parent;
} esp_judged;

/* fmm.h: rules 1 to 5: a kind, OPEN or KEEP. */
ESP_INLINE dv judge(const int order, const int leaf, const int adjoint, const esp_fmm_node *I, const esp_fmm_gate *g,
                    double eps2, const esp_judged *J) {
  const dv x[3] = {dv_all(I->centre[0]) - J->c[0], dv_all(I->centre[1]) - J->c[1], dv_all(I->centre[2]) - J->c[2]};
  const dv d2 = ((x[0] * x[0] + x[1] * x[1]) + x[2] * x[2]) + dv_all(eps2), reach = J->reach;
  const dv M = J->mass, r = J->radius, r2 = r * r, none = dv_all(0), b2 = J->b2, b4 = J->b4, b42 = b4 * b4;
  const dv sum =
      (dv_all(g->k2) * (b2 * b2) + dv_all(g->k3) * (b2 * b42)) + (dv_all(g->k4) + dv_all(g->k5) * reach) * (b42 * b42);
  const dv most = dv_choose(dv_less(r2, dv_all(g->r2)), dv_all(g->r2), r2);
  const dv lhs = M * (most * dv_all(g->rp) + r2 * sum);
  const dv d4 = (order % 2 ? dv_root(d2) * d2 : d2) * d2;
  const dv rhs = (dv_all(g->t) * r2) * (order > 3 ? d4 * d2 : d4), both = dv_all(g->r) + reach;
  const dv soft = d2 + dv_all(0.5 * (order + 2) * eps2);
  dm opens = dv_less(none, J->parent);
  if (!leaf) opens &= dv_less(dv_all(g->r), r);
  dv v = dv_choose(opens, dv_all(ESP_FMM_OPEN), dv_all(leaf ? (double)ESP_FMM_NEAR : (double)ESP_FMM_KEEP));
  if (leaf) v = dv_choose(acts_as_cell(order, adjoint, I, g->t, eps2, x, M, b2, b4, reach), dv_all(ESP_FMM_CELL), v);
  const dm expands = dv_less(lhs * soft, rhs * d2) & dv_less(both * both, dv_all(0.81) * d2);
  v = dv_choose(expands, dv_all(ESP_FMM_EXPAND), v);
  return dv_choose(dv_less(none, M), v, dv_all(ESP_FMM_NOTHING));
}

/* Which cells are opened for an estimate of |a| in a node of slots [first, end), those that hold all of the node, and large near
 * ones; A += what the others give but for the node's own, and those that touch it. */
ESP_INLINE dm pull(const esp_fmm_node *I, int64_t first, int64_t end, double eps2, const esp_judged *J, dm begins,
                   dm ends, dv *A) {
  const dv x[3] = {J->c[0] - dv_all(I->centre[0]), J->c[1] - dv_all(I->centre[1]), J->c[2] - dv_all(I->centre[2])};
  const dv d2 = (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2], r = J->radius, r2 = r * r, none = dv_all(0);
  const dv q = (d2 + dv_all(0.25) * r2) + dv_all(eps2), D2 = gap_squared(I, x);
  const dm holds = ~(dm_less(dm_all(first), begins) | dm_less(ends, dm_all(end)));
  const dm held = ~(dm_less(begins, dm_all(first)) | dm_less(dm_all(end), ends));
  const dm opens = dv_less(none, J->parent) & ~held & (holds | ~dv_less(r2, d2));
  const dm pulls = ~(held | opens | dv_less(D2, dv_all(0.0625 * (I->radius * I->radius)))) & dv_less(none, q);
  const dv f = dv_choose(pulls, J->mass / (q * dv_root(q)), none);
  for (int a = 0; a < 3; a++) A[a] = A[a] + f * x[a];
  return opens;
}

/* What the bodies of a node are to each other, if they lie anywhere in it: mass of all, heaviest of them. */
ESP_INLINE double grain_of(double mass, double heaviest, int count, double radius, double eps2) {
  int k = 0;
  while (1 << k < count) k++;
  const double root3 = k == 0 ? 1 : k == 1 ? 1.26 : k == 2 ? 1.59 : k == 3 ? 2 : k == 4 ? 2.52 : k == 5 ? 3.17 : 4;
  const double apart = radius / root3, q = apart * apart + eps2; /* root3: of 2^k */
  return q > 0 ? (mass - heaviest) / count * apart / (q * sqrt(q)) : 0;
}

#endif
