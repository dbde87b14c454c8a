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

/* Bodies of one receiver, beside their places and sums: dL/dy [3], dL/dm with its sign turned. */
typedef struct {
  esp_lanes b;
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

/* A cell in units of the receiver: its place and its row. */
typedef struct {
  float x[3], row[ESP_FMM_ADJOINT_ROW];
} esp_adjoint_cell;

/* sum over n of u^n (sum over |s| = n of M_s D_{s+t}), n from `from` to `upto`, over u^from. */
ESP_INLINE fv adjoint_pull(const int from, const int upto, const int t, const float *M, const fv *D, fv u) {
  fv all = fv_all(0);
  ESP_UNROLL
  for (int n = upto; n >= from; n--) {
    fv sum = fv_all(M[TERMS(n - 1)]) * D[PLUS(TERMS(n - 1), t)];
    ESP_UNROLL
    for (int s = TERMS(n - 1) + 1; s < TERMS(n); s++) sum = fv_fma(fv_all(M[s]), D[PLUS(s, t)], sum);
    all = fv_fma(all, u, sum);
  }
  return all;
}

ESP_INLINE void adjoint_cells(const int order, esp_adjoint_lanes *b, float eps2, int count,
                              const esp_adjoint_cell *cell) {
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv sum[4], closest = fv_load(b->b.closest + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int j = 0; j < count; j++) {
      const float *M = cell[j].row, *G = DIPOLES(order, cell[j].row);
      fv x[3], D[ESP_FMM_TERMS], Phi[6], psi[4];
      for (int a = 0; a < 3; a++) x[a] = fv_load(b->b.x[a] + lane) - fv_all(cell[j].x[a]);
      fv q = fv_fma(x[0], x[0], fv_all(eps2));
      q = fv_fma(x[1], x[1], q);
      q = fv_fma(x[2], x[2], q);
      closest = fv_min(closest, q);
      const fv u = fv_root(q), u2 = u * u, u3 = u2 * u;
      for (int a = 0; a < 3; a++) x[a] = x[a] * u;
      derivatives(order, x, D);
      ESP_UNROLL
      for (int e = 0; e < 6; e++) Phi[e] = u3 * adjoint_pull(0, order - 2, 4 + e, M, D, u);
      psi[0] = u2 * adjoint_pull(1, order - 1, 0, G, D, u);
      ESP_UNROLL
      for (int e = 1; e < 4; e++) psi[e] = u3 * adjoint_pull(1, order - 1, e, G, D, u);
      adjoint_hear(b, lane, Phi, psi, sum);
    }
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}
