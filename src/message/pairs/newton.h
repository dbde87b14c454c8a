/* The newton message of one pair:
 *
 *   near  A_i += mu_j k r                                             r = y_j - y_i, q = r.r + eps^2, k = q^(-3/2)
 *   far   A_i += M { r [k + k(-1.5 trC + 7.5 r.Cr/q)/q] - 3 k/q C r }  r = X_J - y_i
 *
 * Second-order expansion of the softened force about the centre of mass (the dipole vanishes there). Below u = r/sqrt
 * q, so that no power of 1/q beyond q^(-5/2) is ever formed in float32. With upstream gradient g, p = u.g:
 *
 *   near  T g = k (g - 3 p u):  dy_i -= mu_j T g,  dy_j += mu_j T g
 *   far   S = M k { [1 + (7.5 u.Cu - 1.5 trC)/q] g + [p (-3 + (7.5 trC - 52.5 u.Cu)/q) + 15 g.Cu/q] u + 15 p/q Cu
 *                   - 3/q Cg }
 *         dy_i -= S,  dX += S,
 *         dC_aa += M k/sqrt q { 7.5 p u_a^2 - 1.5 p - 3 g_a u_a },
 *         dC_ab += M k/sqrt q { 15 p u_a u_b - 3 (g_a u_b + g_b u_a) }  for the stored half a < b.
 *
 * T and S are even in r, so its sign is that of (entry - body) on both sides. */
#ifndef ESP_PAIRS_NEWTON_H
#define ESP_PAIRS_NEWTON_H

#include "message/pairs/body.h"

/* No mask: a particle's pair with itself has r = 0 exactly. */
ESP_INLINE void esp_newton_near(const esp_entry e, const esp_space p, int periodic, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                                ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL rx, ry, rz;
  esp_pair_vector(e, p, periodic, x, y, z, &rx, &ry, &rz);
  const ESP_REAL i1 = esp_inverse_root(ESP_FMA(rz, rz, ESP_FMA(ry, ry, ESP_FMA(rx, rx, p.eps2))));
  const ESP_REAL k = e.w * i1 * (i1 * i1);
  *ax = ESP_FMA(k, rx, *ax);
  *ay = ESP_FMA(k, ry, *ay);
  *az = ESP_FMA(k, rz, *az);
}

/* k += mu_j k, a += 3 mu_j k (u.g) u; self: the pair is left out. */
ESP_INLINE void esp_newton_receiver(const esp_entry e, const esp_space p, int periodic, int self, ESP_REAL x,
                                    ESP_REAL y, ESP_REAL z, ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL *k0,
                                    ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL rx, ry, rz;
  esp_pair_vector(e, p, periodic, x, y, z, &rx, &ry, &rz);
  const ESP_REAL i1 = esp_inverse_root(ESP_FMA(rz, rz, ESP_FMA(ry, ry, ESP_FMA(rx, rx, p.eps2)))), i2 = i1 * i1;
  const ESP_REAL w = self ? 0 : e.w;
  const ESP_REAL k = w * i1 * i2, c = k * (3 * i2 * esp_dot3(rx, ry, rz, gx, gy, gz));
  *k0 += k;
  *ax = ESP_FMA(c, rx, *ax);
  *ay = ESP_FMA(c, ry, *ay);
  *az = ESP_FMA(c, rz, *az);
}

/* What the two sums of a receiver make: dy_i. */
ESP_INLINE ESP_REAL esp_newton_received(ESP_REAL a, ESP_REAL k, ESP_REAL g) {
  return ESP_FMA(-k, g, a);
}

/* The body is the sender: a += T g_i, its mass left out. */
ESP_INLINE void esp_newton_sender(const esp_entry e, const esp_space p, int periodic, int self, ESP_REAL x, ESP_REAL y,
                                  ESP_REAL z, ESP_REAL *ax, ESP_REAL *ay, ESP_REAL *az) {
  ESP_REAL rx, ry, rz;
  esp_pair_vector(e, p, periodic, x, y, z, &rx, &ry, &rz);
  const ESP_REAL i1 = esp_inverse_root(ESP_FMA(rz, rz, ESP_FMA(ry, ry, ESP_FMA(rx, rx, p.eps2)))), i2 = i1 * i1;
  const ESP_REAL k = self ? 0 : i1 * i2;
  const ESP_REAL c = -3 * i2 * esp_dot3(rx, ry, rz, e.gx, e.gy, e.gz);
  *ax = ESP_FMA(k, ESP_FMA(c, rx, e.gx), *ax);
  *ay = ESP_FMA(k, ESP_FMA(c, ry, e.gy), *ay);
  *az = ESP_FMA(k, ESP_FMA(c, rz, e.gz), *az);
}

/* A cell: centre of mass, mass, second moment about it and its trace. */
typedef struct {
  ESP_REAL x, y, z, M, xx, xy, xz, yy, yz, zz, trace;
} esp_mass_entry;

ESP_INLINE void esp_newton_far(const esp_mass_entry f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z, ESP_REAL *ax,
                               ESP_REAL *ay, ESP_REAL *az) {
  const ESP_REAL rx = f.x - x, ry = f.y - y, rz = f.z - z;
  const ESP_REAL i1 = esp_inverse_root(ESP_FMA(rz, rz, ESP_FMA(ry, ry, ESP_FMA(rx, rx, eps2)))), i2 = i1 * i1;
  const ESP_REAL cx = esp_dot3(f.xx, f.xy, f.xz, rx, ry, rz), cy = esp_dot3(f.xy, f.yy, f.yz, rx, ry, rz),
                 cz = esp_dot3(f.xz, f.yz, f.zz, rx, ry, rz);
  const ESP_REAL k = f.M * i1 * i2, s = i2 * esp_dot3(rx, ry, rz, cx, cy, cz);
  const ESP_REAL a = ESP_FMA(k * i2, ESP_FMA((ESP_REAL)7.5, s, (ESP_REAL)-1.5 * f.trace), k), b = -3 * k * i2;
  *ax = ESP_FMA(b, cx, ESP_FMA(a, rx, *ax));
  *ay = ESP_FMA(b, cy, ESP_FMA(a, ry, *ay));
  *az = ESP_FMA(b, cz, ESP_FMA(a, rz, *az));
}

/* S of one pair into v[0..2], the gradient to C into v[3..8]. */
ESP_INLINE void esp_newton_far_slope(const esp_mass_entry f, ESP_REAL eps2, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                                     ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL *v) {
  const ESP_REAL rx = f.x - x, ry = f.y - y, rz = f.z - z;
  const ESP_REAL i1 = esp_inverse_root(ESP_FMA(rz, rz, ESP_FMA(ry, ry, ESP_FMA(rx, rx, eps2)))), i2 = i1 * i1;
  const ESP_REAL ux = rx * i1, uy = ry * i1, uz = rz * i1;
  const ESP_REAL cx = esp_dot3(f.xx, f.xy, f.xz, ux, uy, uz), cy = esp_dot3(f.xy, f.yy, f.yz, ux, uy, uz),
                 cz = esp_dot3(f.xz, f.yz, f.zz, ux, uy, uz);
  const ESP_REAL hx = esp_dot3(f.xx, f.xy, f.xz, gx, gy, gz), hy = esp_dot3(f.xy, f.yy, f.yz, gx, gy, gz),
                 hz = esp_dot3(f.xz, f.yz, f.zz, gx, gy, gz);
  const ESP_REAL s = esp_dot3(ux, uy, uz, cx, cy, cz), p = esp_dot3(ux, uy, uz, gx, gy, gz),
                 n = esp_dot3(gx, gy, gz, cx, cy, cz);
  const ESP_REAL k = f.M * i1 * i2, t = (ESP_REAL)7.5 * f.trace;
  const ESP_REAL a = ESP_FMA(k * i2, ESP_FMA((ESP_REAL)7.5, s, (ESP_REAL)-1.5 * f.trace), k);
  const ESP_REAL b = k * ESP_FMA(15 * i2, n, p * ESP_FMA(i2, ESP_FMA((ESP_REAL)-52.5, s, t), (ESP_REAL)-3));
  const ESP_REAL c = 15 * k * i2 * p, d = -3 * k * i2;
  v[0] = ESP_FMA(d, hx, ESP_FMA(c, cx, ESP_FMA(b, ux, a * gx)));
  v[1] = ESP_FMA(d, hy, ESP_FMA(c, cy, ESP_FMA(b, uy, a * gy)));
  v[2] = ESP_FMA(d, hz, ESP_FMA(c, cz, ESP_FMA(b, uz, a * gz)));
  const ESP_REAL e = k * i1, m = (ESP_REAL)7.5 * p * e, o = (ESP_REAL)-1.5 * p * e, w = -3 * e;
  v[3] = ESP_FMA(w * gx, ux, ESP_FMA(m * ux, ux, o));
  v[4] = ESP_FMA(w, ESP_FMA(gx, uy, gy * ux), 2 * m * ux * uy);
  v[5] = ESP_FMA(w, ESP_FMA(gx, uz, gz * ux), 2 * m * ux * uz);
  v[6] = ESP_FMA(w * gy, uy, ESP_FMA(m * uy, uy, o));
  v[7] = ESP_FMA(w, ESP_FMA(gy, uz, gz * uy), 2 * m * uy * uz);
  v[8] = ESP_FMA(w * gz, uz, ESP_FMA(m * uz, uz, o));
}

#endif
