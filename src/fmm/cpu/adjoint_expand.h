/* Expansions of the backward pass in float32, of masses and of dipoles about one place by one set of derivatives: sixteen
 * cells in lanes into one node, a node into its children, a node and cells onto bodies. Text of pass.c.
 *
 *   masses   Phi_t, 2 <= |t| <= P        at L [0..]; those of order 0 and 1 stay 0
 *   dipoles  psi_t, 0 <= |t| <= P - 1    at L [PSI..], a length more below
 *
 * Units of lengths, of cells and of nodes, as in expand.h. */
#include "fmm/adjoint_work.h"

enum { PSI = ESP_FMM_TERMS, BOTH = LONGEST };

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

ESP_INLINE void adjoint_expand_lanes(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list,
                                     fv *L) {
  const float *row[WIDTH];
  fv c[4], M[ESP_FMM_ADJOINT_ROW], x[3], D[ESP_FMM_TERMS], *G = DIPOLES(order, M);
  for (int l = 0; l < WIDTH; l++) row[l] = &w->tree.cell[list[l]].mass;
  fv_columns(row, c);
  places(w, f, list, x);
  for (int l = 0; l < WIDTH; l++) row[l] = w->tree.moment + (size_t)list[l] * (size_t)w->moments;
  ESP_UNROLL
  for (int k = 0; k < TERMS(order - 2) + TERMS(order - 1) - 1; k += 4) {
    fv_columns(row, M + k);
    for (int l = 0; l < WIDTH; l++) row[l] += 4;
  }
  fv q = fv_fma(x[2], x[2], fv_all(f->eps2));
  q = fv_fma(x[0], x[0], fv_fma(x[1], x[1], q));
  const fv u = fv_root(fv_min(q, fv_all(0x1p124f)));
  for (int a = 0; a < 3; a++) x[a] = x[a] * u;
  derivatives(order, x, D);
  const fv step = u * (uv_float(fv_bits(c[1]) & 0x7f800000u) * fv_all((float)f->inverse));
  fv power = step, of_g = u;
  ESP_UNROLL
  for (int n = 1; n < order; n++) {
    if (n <= order - 2) scale_order(n, power, M);
    scale_order(n, of_g, G);
    power = power * step;
    of_g = of_g * step;
  }
  power = u;
  ESP_UNROLL
  for (int m = 0; m <= order; m++) {
    if (m >= 2) contract_from(0, order - m, m, M, D, power, L);
    if (m < order) contract_from(1, m ? order - m : order - 1, m, G, D, power, L + PSI);
    power = power * u;
  }
}

/* L += the cells of a list, padded to LANES, each in the lane of its number. */
ESP_INLINE void adjoint_expand_list(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list,
                                    int count, float *L) {
  float lane[BOTH][LANES];
  for (int first = 0; first < LANES; first += WIDTH) {
    fv sum[BOTH];
    for (int t = 0; t < BOTH; t++) sum[t] = fv_all(0);
    for (int k = 0; k < count; k += LANES) adjoint_expand_lanes(order, w, f, list + k + first, sum);
    for (int t = 0; t < BOTH; t++) fv_store(lane[t] + first, sum[t]);
  }
  for (int t = 4; t < TERMS(order); t++) L[t] += lanes_sum(lane[t]);
  for (int t = PSI; t < PSI + TERMS(order - 1); t++) L[t] += lanes_sum(lane[t]);
}

ESP_INLINE void adjoint_move(const int order, const float *from, const float *d, float shrink, float *to) {
  float by[ESP_FMM_TERMS] = {1}, power = shrink;
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - 1); t++) {
    const int a = term[t].e[0], b = term[t].e[1], c = term[t].e[2], axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] * (d[axis] * (1.0f / term[t].e[axis]));
  }
  ESP_UNROLL
  for (int m = 0; m <= order; m++) {
    if (m >= 2) move_terms(order, m, from, by, power, to);
    power *= shrink;
    if (m < order) move_terms(order - 1, m, from + PSI, by, power, to + PSI);
  }
}

/* Bodies of one receiver, beside their places and sums: dL/dy [3], dL/dm with its sign turned. alone: g, and what comes of it,
 * is told over the body's mass, and `mass` is 1. */
typedef struct {
  esp_lanes b;
  int alone;
  float g[3][RECEIVERS], mass[RECEIVERS];
} esp_adjoint_lanes;

/* Phi: xx xy xz yy yz zz. */
ESP_INLINE void adjoint_hear(const esp_adjoint_lanes *b, int lane, const fv *Phi, const fv *psi, fv *sum) {
  fv g[3];
  for (int a = 0; a < 3; a++) g[a] = fv_load(b->g[a] + lane);
  const fv m = fv_load(b->mass + lane);
  const fv T[3] = {fv_fma(Phi[0], g[0], fv_fma(Phi[1], g[1], Phi[2] * g[2])),
                   fv_fma(Phi[1], g[0], fv_fma(Phi[3], g[1], Phi[4] * g[2])),
                   fv_fma(Phi[2], g[0], fv_fma(Phi[4], g[1], Phi[5] * g[2]))};
  for (int a = 0; a < 3; a++) sum[a] = sum[a] + fv_fnma(m, psi[1 + a], T[a]);
  sum[3] = sum[3] + psi[0];
}

/* Sums of bodies += the expansion of their node. */
ESP_INLINE void adjoint_apply(const int order, const float *L, esp_adjoint_lanes *b) {
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], by[TERMS(ESP_FMM_ORDER_MAX - 1)], Phi[6], psi[4], sum[4];
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->b.x[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    by[0] = fv_all(1);
    ESP_UNROLL
    for (int t = 1; t < TERMS(order - 1); t++) {
      const int i = term[t].e[0], j = term[t].e[1], k = term[t].e[2], axis = i ? 0 : j ? 1 : 2;
      by[t] = by[esp_fmm_term(i - (axis == 0), j - (axis == 1), k - (axis == 2))] *
              (x[axis] * fv_all(1.0f / term[t].e[axis]));
    }
    ESP_UNROLL
    for (int e = 0; e < 6; e++) {
      Phi[e] = fv_all(L[4 + e]);
      ESP_UNROLL
      for (int t = 1; t < TERMS(order - 2); t++) Phi[e] = fv_fma(by[t], fv_all(L[PLUS(4 + e, t)]), Phi[e]);
    }
    ESP_UNROLL
    for (int e = 0; e < 4; e++) {
      const int upto = e ? order - 2 : order - 1;
      psi[e] = fv_all(L[PSI + e]);
      ESP_UNROLL
      for (int t = 1; t < TERMS(upto); t++) psi[e] = fv_fma(by[t], fv_all(L[PSI + PLUS(e, t)]), psi[e]);
    }
    adjoint_hear(b, lane, Phi, psi, sum);
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
  }
}

/* A cell: its place in units of the receiver; its row, and the unit of that in the receiver's; its tensors. */
typedef struct {
  float x[3], ratio;
  const float *row;
  float tensor[ESP_FMM_ADJOINT_ROW];
} esp_adjoint_cell;

/* What a cell does to a body of m and g is the gradient of W(d) f, W the polynomial with the coefficients
 *
 *   W_t = sum over a of g_a M_(t-a) - m G_t,   1 <= |t| <= P - 1
 *
 * and of its part of order k, with f_k = (1/r d/dr)^k f, W(d) f = f_k W + f_(k-1) lap W / 2 + f_(k-2) lap^2 W / 8. So derivatives of
 * f are not needed, but the symmetric tensor S_t = f_k t! / (k-1)! W_t at unit distance, its contractions with n = x u, and its
 * traces: half the work. */
#define ORDER(t) (term[t].e[0] + term[t].e[1] + term[t].e[2])
static const float factorial[] = {1, 1, 2, 6, 24};
/* t! / |t|! */
#define WEIGHT(t) (factorial[term[t].e[0]] * factorial[term[t].e[1]] * factorial[term[t].e[2]] / factorial[ORDER(t)])

/* M, G such that S_t = sum over a of t_a g_a M_(t-a) - m G_t. */
ESP_INLINE void adjoint_tensor(const int order, esp_adjoint_cell *cell) {
  const float *mass = cell->row, *dipole = DIPOLES(order, cell->row);
  float *M = cell->tensor, *G = DIPOLES(order, cell->tensor), power = 5.1961524f; /* adjoint_unit */
  ESP_UNROLL
  for (int n = 0; n < order - 1; n++, power *= cell->ratio) {
    ESP_UNROLL
    for (int t = TERMS(n - 1); t < TERMS(n); t++) M[t] = mass[t] * (power * (odd_factorial[n + 1] * WEIGHT(t)));
    ESP_UNROLL
    for (int t = TERMS(n); t < TERMS(n + 1); t++)
      G[t] = dipole[t] * (power * (odd_factorial[n + 1] * (float)(n + 1) * WEIGHT(t)));
  }
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
      const int e[3] = {term[t].e[0] - (a == 0), term[t].e[1] - (a == 1), term[t].e[2] - (a == 2)};
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
    const int i = term[t].e[0], j = term[t].e[1], k = term[t].e[2], axis = i ? 0 : j ? 1 : 2;
    const int less = esp_fmm_term(i - (axis == 0), j - (axis == 1), k - (axis == 2));
    by[t] = by[less] * (n[axis] * fv_all(WEIGHT(less) / WEIGHT(t)));
  }
}

ESP_INLINE void adjoint_cells(const int order, const int dmass, esp_adjoint_lanes *b, float eps2, int count,
                              esp_adjoint_cell *cell) {
  for (int j = 0; j < count; j++) adjoint_tensor(order, cell + j);
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], sum[4], times[ESP_FMM_ORDER_MAX][3], closest = fv_load(b->b.closest + lane);
    const fv m = fv_load(b->mass + lane);
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->b.x[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int c = 1; c < order; c++)
      for (int a = 0; a < 3; a++) times[c][a] = fv_all((float)c) * fv_load(b->g[a] + lane);
    for (int j = 0; j < count; j++) {
      fv n[3], by[TERMS(ESP_FMM_ORDER_MAX - 1)], S[TERMS(ESP_FMM_ORDER_MAX - 1)], part[3], all[3], along, pull;
      for (int a = 0; a < 3; a++) n[a] = x[a] - fv_all(cell[j].x[a]);
      fv q = fv_fma(n[0], n[0], fv_all(eps2));
      q = fv_fma(n[1], n[1], q);
      q = fv_fma(n[2], n[2], q);
      closest = fv_min(closest, q);
      const fv u = fv_root(q), u2 = u * u, u3 = u2 * u;
      for (int a = 0; a < 3; a++) n[a] = n[a] * u;
      adjoint_powers(dmass ? order - 1 : order - 2, n, by);
      ESP_UNROLL
      for (int k = order - 1; k >= 1; k--) {
        adjoint_both(order, k, cell + j, (const fv(*)[3])times, m, S);
        const fv more = adjoint_part(k, S, by, part);
        along = k == order - 1 ? more : fv_fma(along, u, more);
        for (int a = 0; a < 3; a++) all[a] = k == order - 1 ? part[a] : fv_fma(all[a], u, part[a]);
        if (!dmass) continue;
        const fv potential = adjoint_potential(order, k, cell + j, by);
        pull = k == order - 1 ? potential : fv_fma(pull, u, potential);
      }
      for (int a = 0; a < 3; a++) sum[a] = fv_fma(u3, fv_fma(along, n[a], all[a]), sum[a]);
      if (dmass) sum[3] = fv_fma(u2, pull, sum[3]);
    }
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}
