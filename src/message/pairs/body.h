/* Two bodies, or a body and a cell: what lies between them. */
#ifndef ESP_PAIRS_BODY_H
#define ESP_PAIRS_BODY_H

#include "message/pairs/real.h"

/* What every pair needs. */
typedef struct {
  ESP_REAL eps2, box[3], inverse[3]; /* inverse period; an open axis: 0, and so is its box */
  int periodic;
} esp_space;

/* A sender, or a receiver that is met as one. By value: the compiler must not fear that sums written elsewhere change it. */
typedef struct {
  ESP_REAL x, y, z, w, gx, gy, gz; /* place, mass, upstream gradient */
} esp_entry;

/* 1/sqrt(q); 0 for a pair that coincides without softening, so that it exerts nothing. */
ESP_INLINE ESP_REAL esp_inverse_root(ESP_REAL q) {
  const ESP_REAL root = (ESP_REAL)1 / ESP_SQRT(q);
  return q > ESP_TINY ? root : (ESP_REAL)0;
}

ESP_INLINE ESP_REAL esp_nearest_image(ESP_REAL r, ESP_REAL box, ESP_REAL inverse) {
  return ESP_FMA(-box, ESP_RINT(r * inverse), r);
}

/* r from the body at x, y, z to the entry. */
ESP_INLINE void esp_pair_vector(const esp_entry e, const esp_space p, int periodic, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                                ESP_REAL *rx, ESP_REAL *ry, ESP_REAL *rz) {
  *rx = e.x - x;
  *ry = e.y - y;
  *rz = e.z - z;
  if (periodic) {
    *rx = esp_nearest_image(*rx, p.box[0], p.inverse[0]);
    *ry = esp_nearest_image(*ry, p.box[1], p.inverse[1]);
    *rz = esp_nearest_image(*rz, p.box[2], p.inverse[2]);
  }
}

/* Along one axis, y relative to a block's centre, in its minimum image where box > 0. */
ESP_INLINE ESP_REAL esp_relative(double y, double centre, double box) {
  const double r = y - centre;
  return (ESP_REAL)(box > 0 ? fma(-box, rint(r / box), r) : r);
}

#endif
