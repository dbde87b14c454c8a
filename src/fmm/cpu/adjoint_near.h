/* Near bodies of the backward pass on the bodies of one receiver, as in near.h; v = m_j g_k - m_k g_j, r from k to j:
 *
 *   dL/dy_k += u^3 (3 u^2 (r.v) r - v),   - dL/dm_k += u^3 r.g_j
 *
 * Text of pass.c. */
#include "fmm/cpu/adjoint_expand.h"
#include "fmm/expansion.h"

enum { ADJOINT_STREAM = 7 }; /* x, y, z, mass, g */

ESP_INLINE void adjoint_near(const int watch, const int with_own, esp_adjoint_lanes *b, float eps2, int count,
                             const float *const *stream, int own) {
  const float *const sx = stream[0], *const sy = stream[1], *const sz = stream[2], *const sm = stream[3];
  const float *const gx = stream[4], *const gy = stream[5], *const gz = stream[6];
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], g[3], sum[4], closest = fv_load(b->b.closest + lane);
    const fv mass = fv_load(b->mass + lane), number = fv_load(lane_number + lane) - fv_all((float)own);
    for (int a = 0; a < 3; a++) {
      x[a] = fv_load(b->b.x[a] + lane);
      g[a] = fv_load(b->g[a] + lane);
    }
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int j = 0; j < count; j++) {
      const fv r[3] = {fv_all(sx[j]) - x[0], fv_all(sy[j]) - x[1], fv_all(sz[j]) - x[2]}, m = fv_all(sm[j]);
      const fv h[3] = {fv_all(gx[j]), fv_all(gy[j]), fv_all(gz[j])};
      fv q = fv_fma(r[0], r[0], fv_all(eps2)), v[3]; /* v with its sign turned */
      q = fv_fma(r[1], r[1], q);
      q = fv_fma(r[2], r[2], q);
      if (with_own) q = fv_other(number, (float)j, q, 0x1p100f);
      if (watch) closest = fv_min(closest, q);
      const fv u = fv_root(q), u2 = u * u, u3 = u2 * u;
      for (int a = 0; a < 3; a++) v[a] = fv_fnma(m, g[a], mass * h[a]);
      const fv along = fv_all(3.0f) * u2 * fv_fma(r[0], v[0], fv_fma(r[1], v[1], r[2] * v[2]));
      const fv pull = fv_fma(r[0], h[0], fv_fma(r[1], h[1], r[2] * h[2]));
      for (int a = 0; a < 3; a++) sum[a] = fv_fma(u3, fv_fnma(along, r[a], v[a]), sum[a]);
      sum[3] = fv_fma(u3, pull, sum[3]);
    }
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}

#define ADJOINT_NEAR(name, watch, with_own)                                                                           \
  static __attribute__((noinline)) void name(esp_adjoint_lanes *b, float eps2, int count, const float *const *stream, \
                                             int own) {                                                               \
    adjoint_near(watch, with_own, b, eps2, count, stream, own);                                                       \
  }
ADJOINT_NEAR(adjoint_plain, 0, 0)
ADJOINT_NEAR(adjoint_watched, 1, 0)
ADJOINT_NEAR(adjoint_own, 1, 1)

/* m and g of the body at a place. */
static const double *adjoint_sent(const esp_fmm_work *w, int place) {
  return w->extra + (size_t)place * ESP_FMM_SENT;
}

/* ---- float64 ---- */

/* A sender at y, its m and g in `sent`, on the body held at place k. */
static void adjoint_wide_body(const esp_fmm_work *w, int k, const double *y, const double *sent, double *sum) {
  const double *own = adjoint_sent(w, k), *h = sent + 1;
  const double r[3] = {y[0] - w->x[0][k], y[1] - w->x[1][k], y[2] - w->x[2][k]};
  const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + w->eps2;
  const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, u3 = u * u * u;
  double v[3];
  for (int i = 0; i < 3; i++) v[i] = sent[0] * own[1 + i] - own[0] * h[i];
  const double along = 3 * u * u * ((r[0] * v[0] + r[1] * v[1]) + r[2] * v[2]);
  for (int i = 0; i < 3; i++) sum[i] += u3 * (along * r[i] - v[i]);
  sum[3] += u3 * ((r[0] * h[0] + r[1] * h[1]) + r[2] * h[2]);
}

/* Terms `from` to order `upto` of a row, which begin at `row`, as esp_fmm_expand takes moments. dipole: scaled one less. */
static void adjoint_unpack(const float *row, int from, int upto, double scale, int dipole, double *raw) {
  for (int t = from; t < TERMS(upto); t++) {
    const int e[3] = {term[t].e[0], term[t].e[1], term[t].e[2]}, n = e[0] + e[1] + e[2];
    double value = (double)row[t];
    for (int k = 0; k < n; k++) value *= k < dipole ? -1 : -scale;
    for (int i = 0; i < 3; i++)
      for (int k = 2; k <= e[i]; k++) value *= k;
    raw[t] = value;
  }
}

static void adjoint_wide_cell(const esp_fmm_work *w, int at, int k, double *sum) {
  static const int second[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};
  const float *row = w->tree.moment + (size_t)at * (size_t)w->moments, *dipole = DIPOLES(w->order, row);
  const double *own = adjoint_sent(w, k);
  if (!(w->tree.cell[at].reach > 0)) {
    const double sent[ESP_FMM_SENT] = {(double)row[0], (double)dipole[1], (double)dipole[2], (double)dipole[3]};
    adjoint_wide_body(w, k, w->tree.cell[at].c, sent, sum);
    return;
  }
  const double scale = (double)esp_fmm_cell_scale(w->tree.cell[at].radius);
  const double x[3] = {w->x[0][k], w->x[1][k], w->x[2][k]};
  double Phi[ESP_FMM_TERMS] = {0}, psi[ESP_FMM_TERMS] = {0};
  esp_fmm_sums mass = {0}, g = {0};
  memcpy(mass.c, w->tree.cell[at].c, sizeof mass.c);
  memcpy(g.c, mass.c, sizeof g.c);
  adjoint_unpack(row, 0, w->order - 2, scale, 0, mass.raw);
  adjoint_unpack(dipole, 1, w->order - 1, scale, 1, g.raw);
  esp_fmm_expand(&mass, w->eps2, x, w->order - 2, w->order, 2, Phi);
  esp_fmm_expand(&g, w->eps2, x, w->order - 1, w->order, 1, psi);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) sum[i] += Phi[second[i][j]] * own[1 + j];
    sum[i] -= own[0] * psi[1 + i];
  }
  sum[3] += psi[0];
}
