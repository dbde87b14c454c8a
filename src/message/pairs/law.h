/* The learned message of one pair (message/law.h):
 *
 *   t_h = offset_h + own_h s + W3_h.e,  phi = gain V.silu(t),  A_i += w kappa phi r,
 *   kappa = k, gain 1 (correction) or kappa = 1/sqrt Q, gain ESP_LAW_GAIN (law)
 *
 * where offset_h holds what the entry gives to all bodies that meet it. With upstream gradient g_i, p = g.r and dphi = w
 * kappa p:
 *
 *   dr = w kappa phi (g - 3 p r/q)  [correction; law: g - p r/Q]
 *        + dphi (2 de_0/Q + de_1/sqrt Q - 2 de_2/(1+Q)^2) r,   de = sum_h V_h silu'(t_h) W3_h,  Q = |r|^2 + 1e-4
 *   dt_h = dphi V_h silu'(t_h)
 *
 * dy_i = -dr, dy_j = +dr; dr is even in r. */
#ifndef ESP_PAIRS_LAW_H
#define ESP_PAIRS_LAW_H

#include "message/pairs/body.h"

/* What lies between two. */
typedef struct {
  ESP_REAL rx, ry, rz, root, inverse, log; /* r; sqrt Q, 1/(1+Q), ln Q */
  ESP_REAL kappa, tidal;                   /* k or 1/sqrt Q; 3/q or 1/Q */
} esp_edge;

/* The part of one hidden unit. */
typedef struct {
  ESP_REAL t, u, slope; /* t, silu(t), V silu'(t) */
} esp_unit;

ESP_INLINE esp_edge esp_law_edge(const esp_entry e, const esp_space p, int correction, ESP_REAL x, ESP_REAL y,
                                 ESP_REAL z) {
  esp_edge o;
  esp_pair_vector(e, p, 1, x, y, z, &o.rx, &o.ry, &o.rz); /* an open axis is left alone by the minimum image */
  const ESP_REAL r2 = esp_dot3(o.rx, o.ry, o.rz, o.rx, o.ry, o.rz), Q = r2 + (ESP_REAL)1e-4;
  o.root = ESP_SQRT(Q);
  o.inverse = 1 / (1 + Q);
  o.log = ESP_LOG(Q);
  const ESP_REAL i1 = esp_inverse_root(r2 + p.eps2), i2 = i1 * i1, unit = 1 / o.root;
  o.kappa = correction ? i1 * i2 : unit;
  o.tidal = correction ? 3 * i2 : unit * unit;
  return o;
}

/* t of a unit: what the entry gives, own s, and the edge's three by w0, w1, w2. */
ESP_INLINE ESP_REAL esp_law_input(ESP_REAL offset, ESP_REAL own, ESP_REAL s, ESP_REAL w0, ESP_REAL w1, ESP_REAL w2,
                                  ESP_REAL log, ESP_REAL root, ESP_REAL inverse) {
  return ESP_FMA(w2, inverse, ESP_FMA(w1, root, ESP_FMA(w0, log, ESP_FMA(own, s, offset))));
}

/* v silu'(t); m the sigmoid of t. */
ESP_INLINE ESP_REAL esp_law_unit_slope(ESP_REAL v, ESP_REAL t, ESP_REAL m) {
  return v * (m * ESP_FMA(t, 1 - m, (ESP_REAL)1));
}

/* Along r, beside f g: dr = f g + c r, f = w kappa phi. */
ESP_INLINE ESP_REAL esp_law_along(ESP_REAL root, ESP_REAL inverse, ESP_REAL tidal, ESP_REAL p, ESP_REAL dphi,
                                  ESP_REAL f, ESP_REAL de0, ESP_REAL de1, ESP_REAL de2) {
  const ESP_REAL half = de1 / root + 2 * de0 / (root * root);
  return ESP_FMA(-f, tidal * p, dphi * ESP_FMA(-2 * de2, inverse * inverse, half));
}

#endif
