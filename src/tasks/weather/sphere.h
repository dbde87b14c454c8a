/* Vectors and triangles on the unit sphere. Local, pure. */
#ifndef ESP_SPHERE_H
#define ESP_SPHERE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static inline double esp_dot3(const double a[3], const double b[3]) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void esp_cross3(const double a[3], const double b[3], double c[3]) {
  c[0] = a[1] * b[2] - a[2] * b[1];
  c[1] = a[2] * b[0] - a[0] * b[2];
  c[2] = a[0] * b[1] - a[1] * b[0];
}

static inline void esp_unit3(double a[3]) {
  const double length = sqrt(esp_dot3(a, a));
  for (int k = 0; k < 3; k++) a[k] /= length;
}

static inline void esp_middle3(const double a[3], const double b[3], double c[3]) {
  for (int k = 0; k < 3; k++) c[k] = a[k] + b[k];
  esp_unit3(c);
}

static inline double esp_latitude3(const double x[3]) {
  return atan2(x[2], sqrt(x[0] * x[0] + x[1] * x[1]));
}

/* Length of the arc between two points. */
static inline double esp_arc3(const double a[3], const double b[3]) {
  double c[3];
  esp_cross3(a, b, c);
  return atan2(sqrt(esp_dot3(c, c)), esp_dot3(a, b));
}

/* Area of a triangle: A. Van Oosterom, J. Strackee, IEEE Trans. Biomed. Eng. 30 (1983) 125. */
static inline double esp_triangle3(const double a[3], const double b[3], const double c[3]) {
  double d[3];
  esp_cross3(b, c, d);
  return 2 * atan2(fabs(esp_dot3(a, d)), 1 + esp_dot3(a, b) + esp_dot3(b, c) + esp_dot3(c, a));
}

/* Number of the row [stride doubles, a place first] that lies nearest to x, the first of equals. */
static inline int64_t esp_closest3(const double *rows, int64_t n, size_t stride, const double x[3]) {
  int64_t best = 0;
  double most = -2;
  for (int64_t i = 0; i < n; i++) {
    const double close = esp_dot3(rows + (size_t)i * stride, x);
    if (close > most) most = close, best = i;
  }
  return best;
}

/* The point at the same distance from three that lie counter-clockwise. */
static inline void esp_circumcentre3(const double a[3], const double b[3], const double c[3], double x[3]) {
  double u[3], v[3];
  for (int k = 0; k < 3; k++) u[k] = b[k] - a[k], v[k] = c[k] - a[k];
  esp_cross3(u, v, x);
  esp_unit3(x);
}

#endif
