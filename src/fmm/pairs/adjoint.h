/* The backward pass in float32, in lanes (fmm/pairs/expand.h): expansions of masses and of dipoles about one place by one set
 * of derivatives, cells into a node, a node into its children, a node and cells onto bodies; and bodies on bodies.
 *
 *   masses   Phi_t, 2 <= |t| <= P        at L [0..]; those of order 0 and 1 stay 0
 *   dipoles  psi_t, 0 <= |t| <= P - 1    at L [PSI..], a length more below
 *
 * Units of lengths, of cells and of nodes, as there. Orders of terms are taken one after the other by name, not in a loop: compilers unroll
 * inner loops first, and theirs would have no known end. */
#ifndef ESP_FMM_PAIRS_ADJOINT_H
#define ESP_FMM_PAIRS_ADJOINT_H

#include "fmm/pairs/near.h"
#include "fmm/pairs/wide.h"

enum { ADJOINT_ROW = 56, SENT = 4 };              /* the longest row of moments; m and g */
enum { ADJOINT_CHUNK = 256, ADJOINT_CELLS = 16 }; /* summed in float32 before float64 */
/* Numbers of expansions at most: those of masses and dipoles. */
enum { PSI = ESP_FMM_TERMS, LONGEST = ESP_FMM_TERMS + TERMS(ESP_FMM_ORDER_MAX - 1) };

/* L_t of order m += power sum over s of M_s D_{s+t}, s from `from` to order `upto`. */
ESP_INLINE void contract_from(const int from, const int upto, const int m, const fv *M, const fv *D, fv power, fv *L) {
  ESP_UNROLL
  for (int t = TERMS(m - 1); t < TERMS(m); t++) {
    fv sum = M[from] * D[PLUS(from, t)];
    ESP_UNROLL
    for (int s = from + 1; s < TERMS(upto); s++) sum = fv_fma(M[s], D[PLUS(s, t)], sum);
    L[t] = fv_fma(sum, power, L[t]);
  }
}

/* The dipoles of a row, such that term t lies at [t]. */
#define DIPOLES(order, row) ((row) + TERMS((order)-2) - 1)

/* Moments of order n, in units of 1/u. */
ESP_INLINE void scale_both(const int order, const int n, fv step, fv *power, fv *of_g, fv *M, fv *G) {
  if (n <= order - 2) scale_order(n, *power, M);
  scale_order(n, *of_g, G);
  *power = *power * step;
  *of_g = *of_g * step;
}

/* The terms of order m. */
ESP_INLINE void contract_both(const int order, const int m, const fv *M, const fv *G, const fv *D, fv u, fv *power,
                              fv *L) {
  if (m >= 2) contract_from(0, order - m, m, M, D, *power, L);
  if (m < order) contract_from(1, m ? order - m : order - 1, m, G, D, *power, L + PSI);
  *power = *power * u;
}

/* L += one cell a lane, as expand_cells. M: its row. */
ESP_INLINE void adjoint_expand_cells(const int order, float inverse, float eps2, fv radius, fv *x, fv *M, fv *L) {
  fv D[ESP_FMM_TERMS], *G = DIPOLES(order, M);
  fv q = fv_fma(x[2], x[2], fv_all(eps2));
  q = fv_fma(x[0], x[0], fv_fma(x[1], x[1], q));
  const fv u = fv_root(fv_min(q, fv_all(0x1p124f)));
  for (int a = 0; a < 3; a++) x[a] = x[a] * u;
  derivatives(order, x, D);
  const fv step = u * (uv_float(fv_bits(radius) & 0x7f800000u) * fv_all(inverse));
  fv power = step, of_g = u;
  scale_both(order, 1, step, &power, &of_g, M, G);
  scale_both(order, 2, step, &power, &of_g, M, G);
  if (order >= 4) scale_both(order, 3, step, &power, &of_g, M, G);
  if (order >= 5) scale_both(order, 4, step, &power, &of_g, M, G);
  power = u;
  contract_both(order, 0, M, G, D, u, &power, L);
  contract_both(order, 1, M, G, D, u, &power, L);
  contract_both(order, 2, M, G, D, u, &power, L);
  contract_both(order, 3, M, G, D, u, &power, L);
  if (order >= 4) contract_both(order, 4, M, G, D, u, &power, L);
  if (order >= 5) contract_both(order, 5, M, G, D, u, &power, L);
}

ESP_INLINE void move_both(const int order, const int m, const float *from, const float *by, float shrink, float *power,
                          float *to) {
  if (m >= 2) move_terms(order, m, from, by, *power, to);
  *power *= shrink;
  if (m < order) move_terms(order - 1, m, from + PSI, by, *power, to + PSI);
}

ESP_INLINE void adjoint_move(const int order, const float *from, const float *d, float shrink, float *to) {
  float by[ESP_FMM_TERMS] = {1}, power = shrink;
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - 1); t++) {
    const int a = term_exponent(t, 0), b = term_exponent(t, 1), c = term_exponent(t, 2), axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] *
            (d[axis] * (1.0f / (float)term_exponent(t, axis)));
  }
  move_both(order, 0, from, by, shrink, &power, to);
  move_both(order, 1, from, by, shrink, &power, to);
  move_both(order, 2, from, by, shrink, &power, to);
  move_both(order, 3, from, by, shrink, &power, to);
  if (order >= 4) move_both(order, 4, from, by, shrink, &power, to);
  if (order >= 5) move_both(order, 5, from, by, shrink, &power, to);
}

/* A body a lane, with g and its mass: sums += what expansions say at its place. Phi: xx xy xz yy yz zz. */
ESP_INLINE void adjoint_hear(const fv *g, fv m, const fv *Phi, const fv *psi, fv *sum) {
  const fv T[3] = {fv_fma(Phi[0], g[0], fv_fma(Phi[1], g[1], Phi[2] * g[2])),
                   fv_fma(Phi[1], g[0], fv_fma(Phi[3], g[1], Phi[4] * g[2])),
                   fv_fma(Phi[2], g[0], fv_fma(Phi[4], g[1], Phi[5] * g[2]))};
  for (int a = 0; a < 3; a++) sum[a] = sum[a] + fv_fnma(m, psi[1 + a], T[a]);
  sum[3] = sum[3] + psi[0];
}

/* Sums of a body a lane += the expansion of their node, x from its centre. */
ESP_INLINE void adjoint_apply_at(const int order, const float *L, const fv *x, const fv *g, fv m, fv *sum) {
  fv by[TERMS(ESP_FMM_ORDER_MAX - 1)], Phi[6], psi[4];
  by[0] = fv_all(1);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - 1); t++) {
    const int i = term_exponent(t, 0), j = term_exponent(t, 1), k = term_exponent(t, 2), axis = i ? 0 : j ? 1 : 2;
    by[t] = by[esp_fmm_term(i - (axis == 0), j - (axis == 1), k - (axis == 2))] *
            (x[axis] * fv_all(1.0f / (float)term_exponent(t, axis)));
  }
  ESP_UNROLL
  for (int e = 0; e < 6; e++) {
    Phi[e] = fv_all(L[4 + e]);
    ESP_UNROLL
    for (int t = 1; t < TERMS(order - 2); t++) Phi[e] = fv_fma(by[t], fv_all(L[PLUS(4 + e, t)]), Phi[e]);
  }
  psi[0] = fv_all(L[PSI]);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - 1); t++) psi[0] = fv_fma(by[t], fv_all(L[PSI + t]), psi[0]);
  ESP_UNROLL
  for (int e = 1; e < 4; e++) {
    psi[e] = fv_all(L[PSI + e]);
    ESP_UNROLL
    for (int t = 1; t < TERMS(order - 2); t++) psi[e] = fv_fma(by[t], fv_all(L[PSI + PLUS(e, t)]), psi[e]);
  }
  adjoint_hear(g, m, Phi, psi, sum);
}

/* A cell: its place in units of the receiver; its row, and the unit of that in the receiver's; its tensors. */
typedef struct {
  float x[3], ratio;
  const float *row;
  float tensor[ADJOINT_ROW];
} esp_adjoint_cell;

/* What a cell does to a body of m and g is the gradient of W(d) f, W the polynomial with the coefficients
 *
 *   W_t = sum over a of g_a M_(t-a) - m G_t,   1 <= |t| <= P - 1
 *
 * and of its part of order k, with f_k = (1/r d/dr)^k f, W(d) f = f_k W + f_(k-1) lap W / 2 + f_(k-2) lap^2 W / 8. So derivatives of
 * f are not needed, but the symmetric tensor S_t = f_k t! / (k-1)! W_t at unit distance, its contractions with n = x u, and its
 * traces: half the work. */
ESP_INLINE float factorial(int n) {
  return n < 2 ? 1.0f : n == 2 ? 2.0f : n == 3 ? 6.0f : 24.0f;
}
/* t! / |t|! */
#define WEIGHT(t)                                                                                     \
  (factorial(term_exponent(t, 0)) * factorial(term_exponent(t, 1)) * factorial(term_exponent(t, 2)) / \
   factorial(term_order(t)))

/* M, G such that S_t = sum over a of t_a g_a M_(t-a) - m G_t. */
ESP_INLINE void adjoint_tensor_order(const esp_adjoint_cell *cell, const int n, const float *mass, const float *dipole,
                                     float *power, float *M, float *G) {
  ESP_UNROLL
  for (int t = TERMS(n - 1); t < TERMS(n); t++) M[t] = mass[t] * (*power * (odd_factorial(n + 1) * WEIGHT(t)));
  ESP_UNROLL
  for (int t = TERMS(n); t < TERMS(n + 1); t++)
    G[t] = dipole[t] * (*power * (odd_factorial(n + 1) * (float)(n + 1) * WEIGHT(t)));
  *power *= cell->ratio;
}

ESP_INLINE void adjoint_tensor(const int order, esp_adjoint_cell *cell) {
  const float *mass = cell->row, *dipole = DIPOLES(order, cell->row);
  float *M = cell->tensor, *G = DIPOLES(order, cell->tensor), power = 5.1961524f; /* adjoint_unit */
  adjoint_tensor_order(cell, 0, mass, dipole, &power, M, G);
  adjoint_tensor_order(cell, 1, mass, dipole, &power, M, G);
  if (order >= 4) adjoint_tensor_order(cell, 2, mass, dipole, &power, M, G);
  if (order >= 5) adjoint_tensor_order(cell, 3, mass, dipole, &power, M, G);
}

/* S of order k; times [c]: c g. */
ESP_INLINE void adjoint_both(const int order, const int k, const esp_adjoint_cell *cell, const fv (*times)[3], fv m,
                             fv *S) {
  const float *M = cell->tensor, *G = DIPOLES(order, cell->tensor);
  ESP_UNROLL
  for (int t = TERMS(k - 1); t < TERMS(k); t++) {
    S[t] = fv_fnma(m, fv_all(G[t]), fv_all(0));
    ESP_UNROLL
    for (int a = 0; a < 3; a++) {
      const int e[3] = {term_exponent(t, 0) - (a == 0), term_exponent(t, 1) - (a == 1), term_exponent(t, 2) - (a == 2)};
      if (e[a] >= 0) S[t] = fv_fma(times[e[a] + 1][a], fv_all(M[esp_fmm_term(e[0], e[1], e[2])]), S[t]);
    }
  }
}

/* sum over |t| = k of k! / t! S_(s+t) n^t; by: the factors of S. */
ESP_INLINE fv adjoint_contract(const int k, const int s, const fv *S, const fv *by) {
  fv sum = S[PLUS(s, TERMS(k - 1))] * by[TERMS(k - 1)];
  ESP_UNROLL
  for (int t = TERMS(k - 1) + 1; t < TERMS(k); t++) sum = fv_fma(S[PLUS(s, t)], by[t], sum);
  return sum;
}

/* Of the part of order k in units of its distance: what goes along n, and the rest. */
ESP_INLINE fv adjoint_part(const int k, const fv *S, const fv *by, fv *rest) {
  const fv *n = by + 1;
  fv trace[TERMS(2)], L[3];
  ESP_UNROLL
  for (int a = 0; a < 3; a++) rest[a] = k > 1 ? adjoint_contract(k - 1, 1 + a, S, by) : S[1 + a];
  fv along = fv_all(-(float)(2 * k + 1) / (float)k) * fv_fma(n[0], rest[0], fv_fma(n[1], rest[1], n[2] * rest[2]));
  if (k == 1) return along;
  ESP_UNROLL
  for (int s = TERMS(k - 3); s < TERMS(k - 2); s++) trace[s] = (S[PLUS(s, 4)] + S[PLUS(s, 7)]) + S[PLUS(s, 9)];
  if (k == 2) return fv_fma(fv_all(0.5f), trace[0], along);
  ESP_UNROLL
  for (int a = 0; a < 3; a++) {
    L[a] = k == 3 ? trace[1 + a] : fv_all(3.0f) * adjoint_contract(1, 1 + a, trace, by);
    rest[a] = fv_fnma(fv_all(1.0f / (float)(2 * k - 1)), L[a], rest[a]);
  }
  along = fv_fma(fv_all(1.0f / (float)(k - 2)), fv_fma(n[0], L[0], fv_fma(n[1], L[1], n[2] * L[2])), along);
  return k == 3 ? along : fv_fnma(fv_all(0.75f / 7), (trace[4] + trace[7]) + trace[9], along);
}

/* G(d) f, of order k alike. */
ESP_INLINE fv adjoint_potential(const int order, const int k, const esp_adjoint_cell *cell, const fv *by) {
  fv G[TERMS(ESP_FMM_ORDER_MAX - 1)], trace[TERMS(2)];
  ESP_UNROLL
  for (int t = TERMS(k - 1); t < TERMS(k); t++) G[t] = fv_all(DIPOLES(order, cell->tensor)[t]);
  fv all = fv_all(1.0f / (float)k) * adjoint_contract(k, 0, G, by);
  if (k == 1) return all;
  ESP_UNROLL
  for (int s = TERMS(k - 3); s < TERMS(k - 2); s++) trace[s] = (G[PLUS(s, 4)] + G[PLUS(s, 7)]) + G[PLUS(s, 9)];
  all = fv_fnma(fv_all(0.5f * (float)(k - 1) / (float)(2 * k - 1)), adjoint_contract(k - 2, 0, trace, by), all);
  return k < 4 ? all : fv_fma(fv_all(0.75f / 35), (trace[4] + trace[7]) + trace[9], all);
}

/* The factors of contractions: |t|! / t! n^t up to an order. */
ESP_INLINE void adjoint_powers(const int order, const fv *n, fv *by) {
  by[0] = fv_all(1);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order); t++) {
    const int i = term_exponent(t, 0), j = term_exponent(t, 1), k = term_exponent(t, 2), axis = i ? 0 : j ? 1 : 2;
    const int less = esp_fmm_term(i - (axis == 0), j - (axis == 1), k - (axis == 2));
    by[t] = by[less] * (n[axis] * fv_all(WEIGHT(less) / WEIGHT(t)));
  }
}

/* What a cell does by its terms of one order, and of all higher ones: along n, the rest, and dL/dm. */
typedef struct {
  fv along, rest[3], pull;
} esp_adjoint_pull;

ESP_INLINE void adjoint_cell_order(const int order, const int k, const int dmass, const esp_adjoint_cell *cell,
                                   const fv (*times)[3], fv m, fv u, const fv *by, esp_adjoint_pull *all) {
  fv S[TERMS(ESP_FMM_ORDER_MAX - 1)], part[3];
  adjoint_both(order, k, cell, times, m, S);
  const fv more = adjoint_part(k, S, by, part);
  all->along = k == order - 1 ? more : fv_fma(all->along, u, more);
  for (int a = 0; a < 3; a++) all->rest[a] = k == order - 1 ? part[a] : fv_fma(all->rest[a], u, part[a]);
  if (!dmass) return;
  const fv potential = adjoint_potential(order, k, cell, by);
  all->pull = k == order - 1 ? potential : fv_fma(all->pull, u, potential);
}

/* A cell on lanes; times [c]: c g. */
ESP_INLINE void adjoint_cell(const int order, const int dmass, float eps2, const esp_adjoint_cell *cell, const fv *x,
                             const fv (*times)[3], fv m, fv *sum, fv *closest) {
  fv n[3], by[TERMS(ESP_FMM_ORDER_MAX - 1)];
  esp_adjoint_pull all = {fv_all(0), {fv_all(0), fv_all(0), fv_all(0)}, fv_all(0)};
  for (int a = 0; a < 3; a++) n[a] = x[a] - fv_all(cell->x[a]);
  fv q = fv_fma(n[0], n[0], fv_all(eps2));
  q = fv_fma(n[1], n[1], q);
  q = fv_fma(n[2], n[2], q);
  *closest = fv_min(*closest, q);
  const fv u = fv_root(q), u2 = u * u, u3 = u2 * u;
  for (int a = 0; a < 3; a++) n[a] = n[a] * u;
  adjoint_powers(dmass ? order - 1 : order - 2, n, by);
  if (order >= 5) adjoint_cell_order(order, 4, dmass, cell, times, m, u, by, &all);
  if (order >= 4) adjoint_cell_order(order, 3, dmass, cell, times, m, u, by, &all);
  adjoint_cell_order(order, 2, dmass, cell, times, m, u, by, &all);
  adjoint_cell_order(order, 1, dmass, cell, times, m, u, by, &all);
  for (int a = 0; a < 3; a++) sum[a] = fv_fma(u3, fv_fma(all.along, n[a], all.rest[a]), sum[a]);
  if (dmass) sum[3] = fv_fma(u2, all.pull, sum[3]);
}

/* ---- bodies; v = m_j g_k - m_k g_j, r from k to j:
 *
 *   dL/dy_k += u^3 (3 u^2 (r.v) r - v),   - dL/dm_k += u^3 r.g_j                                                      ---- */

/* 3^(1/2) q^(-1/2): its square is the 3 u^2 of the above, and no factor is left but one of the sums. */
ESP_INLINE fv adjoint_root(fv q) {
  return fv_all(1.7320508f) / fv_sqrt(q);
}

/* Sums of near bodies and of cells are 3^(3/2) times what they are. */
static const double adjoint_unit = 0.19245008972987526;

/* Two bodies on lanes, so that one is not waited for: places x.., y.., z.. and m, g of each, numbers `at` and one more. watch,
 * with_own: as near_body. alone: g of the lanes, and what comes of it, is told over the body's mass, and `mass` is 1. */
ESP_INLINE void adjoint_two(const int watch, const int with_own, const int dmass, const int alone, float eps2,
                            const float *const *place, const float (*sent)[SENT], int at, fv number, const fv *x,
                            const fv *g, fv mass, fv *sum, fv *closest) {
  enum { TWO = 2 };
  fv r[TWO][3], q[TWO], u[TWO], u2[TWO], u3[TWO], v[TWO][3], along[TWO]; /* v with its sign turned */
  ESP_UNROLL
  for (int k = 0; k < TWO; k++)
    for (int a = 0; a < 3; a++) r[k][a] = fv_all(place[a][k]) - x[a];
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) q[k] = fv_fma(r[k][0], r[k][0], fv_all(eps2));
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) q[k] = fv_fma(r[k][1], r[k][1], q[k]);
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) {
    q[k] = fv_fma(r[k][2], r[k][2], q[k]);
    if (with_own) q[k] = fv_other(number, (float)(at + k), q[k], 0x1p100f);
    if (watch) *closest = fv_min(*closest, q[k]);
  }
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) u[k] = adjoint_root(q[k]);
  ESP_UNROLL
  for (int k = 0; k < TWO; k++)
    for (int a = 0; a < 3; a++)
      v[k][a] = fv_fnma(fv_all(sent[k][0]), g[a], alone ? fv_all(sent[k][1 + a]) : mass * fv_all(sent[k][1 + a]));
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) {
    u2[k] = u[k] * u[k];
    u3[k] = u[k] * u2[k];
    along[k] = u2[k] * fv_fma(r[k][0], v[k][0], fv_fma(r[k][1], v[k][1], r[k][2] * v[k][2]));
  }
  ESP_UNROLL
  for (int k = 0; k < TWO; k++) {
    for (int a = 0; a < 3; a++) sum[a] = fv_fma(u3[k], fv_fnma(along[k], r[k][a], v[k][a]), sum[a]);
    if (!dmass) continue;
    const fv h[3] = {fv_all(sent[k][1]), fv_all(sent[k][2]), fv_all(sent[k][3])};
    sum[3] = fv_fma(u3[k], fv_fma(r[k][0], h[0], fv_fma(r[k][1], h[1], r[k][2] * h[2])), sum[3]);
  }
}

/* Whether g over m says it all: the body has a mass, and that is not too small for it. */
ESP_INLINE int adjoint_is_alone(const double *sent) {
  const double most = 0x1p40 * sent[0];
  return sent[0] > 0 && fabs(sent[1]) < most && fabs(sent[2]) < most && fabs(sent[3]) < most;
}

/* ---- float64 ---- */

/* A sender at y on a body at x, m and g of each in `sent` and `own`. */
ESP_INLINE void adjoint_wide_body(double eps2, const double *x, const double *own, const double *y, const double *sent,
                                  double *sum) {
  const double *h = sent + 1, r[3] = {y[0] - x[0], y[1] - x[1], y[2] - x[2]};
  const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + eps2;
  const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, u3 = u * u * u;
  double v[3];
  for (int i = 0; i < 3; i++) v[i] = sent[0] * own[1 + i] - own[0] * h[i];
  const double along = 3 * u * u * ((r[0] * v[0] + r[1] * v[1]) + r[2] * v[2]);
  for (int i = 0; i < 3; i++) sum[i] += u3 * (along * r[i] - v[i]);
  sum[3] += u3 * ((r[0] * h[0] + r[1] * h[1]) + r[2] * h[2]);
}

/* Terms `from` to order `upto` of a row, which begin at `row`, as esp_fmm_expand takes moments. dipole: scaled one less. */
ESP_INLINE void adjoint_unpack(const float *row, int from, int upto, double scale, int dipole, double *raw) {
  for (int t = from; t < TERMS(upto); t++) {
    const int e[3] = {term_exponent(t, 0), term_exponent(t, 1), term_exponent(t, 2)}, n = e[0] + e[1] + e[2];
    double value = (double)row[t];
    for (int k = 0; k < n; k++) value *= k < dipole ? -1 : -scale;
    for (int i = 0; i < 3; i++)
      for (int k = 2; k <= e[i]; k++) value *= k;
    raw[t] = value;
  }
}

/* A cell on a body; row: of the cell. */
ESP_INLINE void adjoint_wide_cell(const int order, double eps2, const esp_fmm_cell *cell, const float *row,
                                  const double *x, const double *own, double *sum) {
  const int second[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};
  const float *dipole = DIPOLES(order, row);
  if (!(cell->reach > 0)) {
    const double sent[SENT] = {(double)row[0], (double)dipole[1], (double)dipole[2], (double)dipole[3]};
    adjoint_wide_body(eps2, x, own, cell->c, sent, sum);
    return;
  }
  const double scale = (double)esp_fmm_cell_scale(cell->radius);
  double Phi[ESP_FMM_TERMS] = {0}, psi[ESP_FMM_TERMS] = {0}, mass[ESP_FMM_MOMENTS] = {0}, g[ESP_FMM_MOMENTS] = {0};
  adjoint_unpack(row, 0, order - 2, scale, 0, mass);
  adjoint_unpack(dipole, 1, order - 1, scale, 1, g);
  wide_expand(cell->c, mass, eps2, x, order - 2, order, 2, Phi);
  wide_expand(cell->c, g, eps2, x, order - 1, order, 1, psi);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) sum[i] += Phi[second[i][j]] * own[1 + j];
    sum[i] -= own[0] * psi[1 + i];
  }
  sum[3] += psi[0];
}

#endif
