/* Bodies and cells on bodies, in float32 about the receiver's centre and in units of its scale, for whoever has lanes of
 * bodies that receive (fmm/pairs/expand.h); and the same in float64, for receivers where float32 would show.
 *
 *   body   a += m u^3 r                                              r from the receiver's body, u = (r^2 + eps^2)^(-1/2)
 *   cell   a += u^3 { M + u^2 (7.5 u^2 r.Qr - 1.5 tr Q) } r - 3 u^5 Q r
 *
 * and the potential with its sign turned: m u; u { M + u^2 (1.5 u^2 r.Qr - 0.5 tr Q) }. Each body sums in the order of what it
 * hears. */
#ifndef ESP_FMM_PAIRS_NEAR_H
#define ESP_FMM_PAIRS_NEAR_H

#include <math.h>

#include "fmm/pairs/expand.h"

enum { RECEIVERS = ESP_FMM_RECEIVERS, NEAR_CHUNK = 256, CELL_CHUNK = 64 }; /* summed in float32 before float64 */

/* Closer than this, in units of the scale, float32 would show. */
static const float too_close = 0x1p-12f; /* squared */
/* A distance where nothing was met. */
static const float nothing_met = 0x1p100f;

/* The largest power of two not above x, > 0. */
ESP_INLINE double power_of_two(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits &= 0x7ff0000000000000;
  memcpy(&x, &bits, sizeof bits);
  return x;
}

/* Lengths of a node are told in units of this: its extent, or the softening where that is larger, so that neither the
 * smallest nor the largest nodes leave float32. A node without extent takes its parent's. */
ESP_INLINE double scale_of(double radius, double softening, double above) {
  const double extent = radius > softening ? radius : softening;
  const double scale = extent > 0 ? power_of_two(extent) : above;
  return scale > 0x1p-60 ? scale : 0x1p-60; /* squares of the root's extent in it stay in float32 */
}

ESP_INLINE esp_frame frame_of(const esp_fmm_node *I, double softening, double scale) {
  const double eps = softening / scale;
  const esp_frame f = {{I->centre[0], I->centre[1], I->centre[2]}, 1 / scale, (float)(eps * eps)};
  return f;
}

/* Farther than this, in units of the receiver, cubes leave float32. */
ESP_INLINE int too_far(const esp_frame *f, const esp_fmm_cell *J) {
  double most = 0;
  for (int a = 0; a < 3; a++) {
    const double x = fabs(J->c[a] - f->centre[a]);
    most = x > most ? x : most;
  }
  return (most + (double)J->reach) * f->inverse > 0x1p41;
}

/* Whether a node's bodies are among those of another. */
ESP_INLINE int cell_within(const esp_fmm_cell *J, const esp_fmm_cell *I) {
  return I->first <= J->first && J->first < I->first + I->count;
}

/* A body on lanes. watch: closest is kept. with_own: it exerts nothing in the lane whose number is `own`. */
ESP_INLINE void near_body(const int watch, const int with_own, const int potential, float eps2, fv px, fv py, fv pz,
                          fv m, fv number, float own, fv x, fv y, fv z, fv *ax, fv *ay, fv *az, fv *p, fv *closest) {
  const fv dx = px - x, dy = py - y, dz = pz - z;
  fv q = fv_fma(dx, dx, fv_all(eps2));
  q = fv_fma(dy, dy, q);
  q = fv_fma(dz, dz, q);
  if (with_own) { /* no quotient by 0, and none of it in the potential */
    q = fv_other(number, own, q, 0x1p80f);
    m = fv_other(number, own, m, 0);
  }
  if (watch) *closest = fv_min(*closest, q);
  const fv f = m / (q * fv_sqrt(q));
  *ax = fv_fma(f, dx, *ax);
  *ay = fv_fma(f, dy, *ay);
  *az = fv_fma(f, dz, *az);
  if (potential) *p = fv_fma(f, q, *p);
}

/* A cell in units of the receiver. */
typedef struct {
  float x[3], mass, Q[6];
} esp_cell_entry;

ESP_INLINE void cell_entry(const esp_fmm_cell *cell, const float *moment, const esp_frame *f, esp_cell_entry *to) {
  const float ratio = esp_fmm_cell_scale(cell->radius) * (float)f->inverse, square = ratio * ratio;
  for (int a = 0; a < 3; a++) to->x[a] = (float)((cell->c[a] - f->centre[a]) * f->inverse);
  to->mass = cell->mass;
  for (int c = 0; c < 6; c++) to->Q[c] = moment[c] * square * (c == 0 || c == 3 || c == 5 ? 2.0f : 1.0f);
}

/* A cell on lanes. */
ESP_INLINE void near_cell(const esp_cell_entry *cell, float eps2, const fv *x, fv *sum, fv *closest) {
  const float *Q = cell->Q;
  const fv trace = fv_all((Q[0] + Q[3]) + Q[5]), M = fv_all(cell->mass);
  const fv r[3] = {fv_all(cell->x[0]) - x[0], fv_all(cell->x[1]) - x[1], fv_all(cell->x[2]) - x[2]};
  fv q = fv_fma(r[0], r[0], fv_all(eps2));
  q = fv_fma(r[1], r[1], q);
  q = fv_fma(r[2], r[2], q);
  *closest = fv_min(*closest, q);
  const fv u = fv_root(q), u2 = u * u, u3 = u * u2;
  const fv Qr[3] = {fv_fma(fv_all(Q[0]), r[0], fv_fma(fv_all(Q[1]), r[1], fv_all(Q[2]) * r[2])),
                    fv_fma(fv_all(Q[1]), r[0], fv_fma(fv_all(Q[3]), r[1], fv_all(Q[4]) * r[2])),
                    fv_fma(fv_all(Q[2]), r[0], fv_fma(fv_all(Q[4]), r[1], fv_all(Q[5]) * r[2]))};
  const fv rQr = u2 * fv_fma(r[0], Qr[0], fv_fma(r[1], Qr[1], r[2] * Qr[2]));
  const fv along = u3 * fv_fma(u2, fv_fnma(fv_all(1.5f), trace, fv_all(7.5f) * rQr), M);
  const fv across = fv_all(-3.0f) * (u3 * u2);
  for (int a = 0; a < 3; a++) sum[a] = fv_fma(across, Qr[a], fv_fma(along, r[a], sum[a]));
  sum[3] = fv_fma(u, fv_fma(u2, fv_fnma(fv_all(0.5f), trace, fv_all(1.5f) * rQr), M), sum[3]);
}

/* ---- float64 ---- */

/* own: it is this body, which leaves itself out of the potential. */
ESP_INLINE void wide_body(double eps2, const double *place, double m, int own, double x, double y, double z, double *ax,
                          double *ay, double *az, double *p) {
  const double r[3] = {place[0] - x, place[1] - y, place[2] - z};
  const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + eps2;
  const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, f = u * u * u * m;
  *ax += f * r[0];
  *ay += f * r[1];
  *az += f * r[2];
  *p += own ? 0 : u * m;
}

/* Of order 2, from a cell's moments: xx xy xz yy yz zz. */
ESP_INLINE void wide_moments(const esp_fmm_cell *cell, const float *moment, double *Q) {
  const double scale = (double)esp_fmm_cell_scale(cell->radius), square = scale * scale;
  for (int c = 0; c < 6; c++) Q[c] = (double)moment[c] * square * (c == 0 || c == 3 || c == 5 ? 2 : 1);
}

ESP_INLINE void wide_cell(double eps2, const double *place, double M, const double *Q, double x, double y, double z,
                          double *ax, double *ay, double *az, double *p) {
  const double trace = (Q[0] + Q[3]) + Q[5];
  const double r[3] = {place[0] - x, place[1] - y, place[2] - z};
  const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + eps2;
  const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, u2 = u * u, u3 = u2 * u;
  const double Qr[3] = {(Q[0] * r[0] + Q[1] * r[1]) + Q[2] * r[2], (Q[1] * r[0] + Q[3] * r[1]) + Q[4] * r[2],
                        (Q[2] * r[0] + Q[4] * r[1]) + Q[5] * r[2]};
  const double rQr = u2 * ((r[0] * Qr[0] + r[1] * Qr[1]) + r[2] * Qr[2]);
  const double along = u3 * (M + u2 * (7.5 * rQr - 1.5 * trace)), across = 3 * (u3 * u2);
  *ax += along * r[0] - across * Qr[0];
  *ay += along * r[1] - across * Qr[1];
  *az += along * r[2] - across * Qr[2];
  *p += u * (M + u2 * (1.5 * rQr - 0.5 * trace));
}

#endif
