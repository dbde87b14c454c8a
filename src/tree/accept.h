/* Distances between nodes, and when a node stands in for its members (tree/lists.h): for host and device, one rounding a product
 * and a sum, axes in ascending order. Valid C and C++. */
#ifndef ESP_ACCEPT_H
#define ESP_ACCEPT_H

#include <math.h>

#include "base/functions.h"

/* c1 - c2 along one axis, in its minimum image where the axis has a period. */
ESP_INLINE double esp_accept_along(double c1, double c2, double box) {
  double d = c1 - c2;
  if (box > 0) {
    if (d > 0.5 * box) d -= box;
    if (d < -0.5 * box) d += box;
  }
  return d;
}

/* esp_tree_distance2. box may be NULL. */
ESP_INLINE double esp_accept_distance2(int dim, const double *c1, const double *c2, const double *box) {
  double sum = 0;
  for (int a = 0; a < dim; a++) {
    const double d = esp_accept_along(c1[a], c2[a], box ? box[a] : 0);
    sum += d * d;
  }
  return sum;
}

/* The opening angle, and the clause of the period. c, R: of the receiver block and of the node. */
ESP_INLINE int esp_accept_angle(int dim, const double *c1, double R1, const double *c2, double R2, double theta,
                                const double *box) {
  double sum = 0, R = R1 + R2;
  int fits = 1;
  for (int a = 0; a < dim; a++) {
    const double d = esp_accept_along(c1[a], c2[a], box ? box[a] : 0);
    if (box && box[a] > 0) fits &= R + fabs(d) < 0.5 * box[a];
    sum += d * d;
  }
  return (R < theta * sqrt(sum)) & fits;
}

/* That clause for other rules. */
ESP_INLINE int esp_accept_period(int dim, const double *c1, double R1, const double *c2, double R2, const double *box) {
  for (int a = 0; a < dim && box; a++)
    if (box[a] > 0 && !(R1 + R2 + sqrt(esp_accept_distance2(1, c1 + a, c2 + a, box + a)) < 0.5 * box[a])) return 0;
  return 1;
}

/* esp_rule_size: s, R1 of the block, R2 of the node, how far apart. */
ESP_INLINE int esp_accept_size(double theta, double s, double R1, double R2, double distance) {
  const double most = theta * s, gap = distance - R1 - R2;
  if (R2 <= most) return 1;
  return gap > 0 && R2 * esp_exp64(-0.25 * (gap / s) * (gap / s)) <= most;
}

#endif
