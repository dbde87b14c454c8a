/* Near bodies of the backward pass on the bodies of one receiver, as in near.h; v = m_j g_k - m_k g_j, r from k to j:
 *
 *   dL/dy_k += u^3 (3 u^2 (r.v) r - v),   - dL/dm_k += u^3 r.g_j
 *
 * Text of pass.c. */
#include "fmm/cpu/adjoint_expand.h"
#include "fmm/expansion.h"

/* Bodies that send, in units of the receiver: places; m, g. */
enum { ADJOINT_CHUNK = 256, ADJOINT_STREAM = ADJOINT_CHUNK + ESP_FMM_LEAF + 2 };
typedef struct {
  float x[3][ADJOINT_STREAM], sent[ADJOINT_STREAM][ESP_FMM_SENT];
} esp_adjoint_stream;

/* 3^(1/2) q^(-1/2): its square is the 3 u^2 of the above, and no factor is left but one of the sums. */
ESP_INLINE fv adjoint_root(fv q) {
  return fv_all(1.7320508f) / fv_sqrt(q);
}

/* Sums of near bodies and of cells are 3^(3/2) times what they are. */
static const double adjoint_unit = 0.19245008972987526;

/* alone: masses of the lanes are 1. Two bodies at a time, so that one is not waited for; count is even. */
ESP_INLINE void adjoint_near(const int watch, const int with_own, const int dmass, const int alone,
                             esp_adjoint_lanes *b, float eps2, int count, const esp_adjoint_stream *s, int own) {
  enum { TWO = 2 };
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], g[3], sum[4], closest = fv_load(b->b.closest + lane);
    const fv mass = fv_load(b->mass + lane), number = fv_load(lane_number + lane) - fv_all((float)own);
    for (int a = 0; a < 3; a++) {
      x[a] = fv_load(b->b.x[a] + lane);
      g[a] = fv_load(b->g[a] + lane);
    }
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int j = 0; j < count; j += TWO) {
      const float(*sent)[ESP_FMM_SENT] = s->sent + j;
      fv r[TWO][3], q[TWO], u[TWO], u2[TWO], u3[TWO], v[TWO][3], along[TWO]; /* v with its sign turned */
      ESP_UNROLL
      for (int k = 0; k < TWO; k++)
        for (int a = 0; a < 3; a++) r[k][a] = fv_all(s->x[a][j + k]) - x[a];
      ESP_UNROLL
      for (int k = 0; k < TWO; k++) q[k] = fv_fma(r[k][0], r[k][0], fv_all(eps2));
      ESP_UNROLL
      for (int k = 0; k < TWO; k++) q[k] = fv_fma(r[k][1], r[k][1], q[k]);
      ESP_UNROLL
      for (int k = 0; k < TWO; k++) {
        q[k] = fv_fma(r[k][2], r[k][2], q[k]);
        if (with_own) q[k] = fv_other(number, (float)(j + k), q[k], 0x1p100f);
        if (watch) closest = fv_min(closest, q[k]);
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
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}

/* Another body of neither mass nor g to the end of a stream of an odd number, far from all others. */
static int adjoint_even(esp_adjoint_stream *s, int count) {
  if (count % 2 == 0) return count;
  for (int a = 0; a < 3; a++) s->x[a][count] = 0x1p50f;
  for (int a = 0; a < ESP_FMM_SENT; a++) s->sent[count][a] = 0;
  return count + 1;
}

typedef void (*adjoint_near_routine)(esp_adjoint_lanes *b, float eps2, int count, esp_adjoint_stream *s, int own);

#define ADJOINT_NEAR(name, watch, with_own, dmass, alone)                                                        \
  static __attribute__((noinline)) void name(esp_adjoint_lanes *b, float eps2, int count, esp_adjoint_stream *s, \
                                             int own) {                                                          \
    adjoint_near(watch, with_own, dmass, alone, b, eps2, adjoint_even(s, count), s, own);                        \
  }
#define ADJOINT_NEAR_ROWS(name, dmass, alone)      \
  ADJOINT_NEAR(name##_plain, 0, 0, dmass, alone)   \
  ADJOINT_NEAR(name##_watched, 1, 0, dmass, alone) \
  ADJOINT_NEAR(name##_own, 1, 1, dmass, alone)
ADJOINT_NEAR_ROWS(adjoint_near_place, 0, 0)
ADJOINT_NEAR_ROWS(adjoint_near_place_alone, 0, 1)
ADJOINT_NEAR_ROWS(adjoint_near_both, 1, 0)
ADJOINT_NEAR_ROWS(adjoint_near_both_alone, 1, 1)

typedef struct {
  adjoint_near_routine plain, watched, own;
} adjoint_near_routines;
/* [dmass][alone] */
static const adjoint_near_routines adjoint_near_by[2][2] = {
    {{adjoint_near_place_plain, adjoint_near_place_watched, adjoint_near_place_own},
     {adjoint_near_place_alone_plain, adjoint_near_place_alone_watched, adjoint_near_place_alone_own}},
    {{adjoint_near_both_plain, adjoint_near_both_watched, adjoint_near_both_own},
     {adjoint_near_both_alone_plain, adjoint_near_both_alone_watched, adjoint_near_both_alone_own}}};

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
