/* The principal direction of a node's integer sums (tree/direction.h), in up to ESP_PRINCIPAL_DIM dimensions, for host and
 * device. Sums come in the order written here, one rounding a product and a sum. Valid C and C++. */
#ifndef ESP_PRINCIPAL_H
#define ESP_PRINCIPAL_H

#include <math.h>
#include <stdint.h>

#include "base/inline.h"

enum { ESP_PRINCIPAL_DIM = 16, ESP_PRINCIPAL_LAST = (1 << 14) - 1, ESP_PRINCIPAL_SQUARES = 8 };

/* Of the widest spread, what brings keys to integers; 0 where the node is to be cut as by the widest rule. */
ESP_INLINE double esp_principal_scale(double spread) {
  return spread >= 0x1p-1000 && spread <= 0x1p1000 ? ESP_PRINCIPAL_LAST / spread : 0;
}
ESP_INLINE double esp_principal_digit(double x, double low, double scale) {
  return floor((x - low) * scale);
}

/* c [dim][dim], symmetric: m^2 times the covariance. */
ESP_INLINE void esp_principal_covariance(int dim, int64_t m, const int64_t *sums, double *c) {
  const int64_t *product = sums + dim;
  for (int a = 0; a < dim; a++)
    for (int b = a; b < dim; b++)
      c[a * dim + b] = c[b * dim + a] = (double)((__int128)m * *product++ - (__int128)sums[a] * sums[b]);
}

/* to = from^2, elements summed in ascending order. */
ESP_INLINE void esp_principal_square(int dim, const double *from, double *to) {
  for (int a = 0; a < dim; a++) {
    double *row = to + a * dim;
    for (int b = a; b < dim; b++) row[b] = from[a * dim] * from[b];
    for (int k = 1; k < dim; k++)
      for (int b = a; b < dim; b++) row[b] += from[a * dim + k] * from[k * dim + b];
    for (int b = a + 1; b < dim; b++) to[b * dim + a] = row[b];
  }
}

ESP_INLINE double esp_principal_trace(int dim, const double *c) {
  double sum = 0;
  for (int a = 0; a < dim; a++) sum += c[a * dim + a];
  return sum;
}

ESP_INLINE void esp_principal_divide(int count, double *x, double by) {
  for (int i = 0; i < count; i++) x[i] /= by;
}

/* Four partial sums: as wide as the processor adds, in one fixed order. */
ESP_INLINE double esp_principal_dot(int dim, const double *x, const double *y) {
  double part[4] = {0, 0, 0, 0};
  int a = 0;
  for (; a + 4 <= dim; a += 4)
    for (int l = 0; l < 4; l++) part[l] += x[a + l] * y[a + l];
  for (; a < dim; a++) part[0] += x[a] * y[a];
  return part[0] + part[1] + (part[2] + part[3]);
}

/* x: the principal direction of c [dim][dim], of trace 1, which is used up; other [dim][dim] is work. The trace of a
 * square is then 1 where c is of rank one, less elsewhere. */
ESP_INLINE void esp_principal_squares(int dim, double *c, double *other, double *x) {
  double last = 0;
  for (int s = 0; s < ESP_PRINCIPAL_SQUARES && last <= 1 - 0x1p-40; s++) {
    double *swap = c;
    esp_principal_square(dim, c, other);
    c = other;
    other = swap;
    last = esp_principal_trace(dim, c);
    esp_principal_divide(dim * dim, c, last);
  }
  int best = 0;
  for (int a = 1; a < dim; a++)
    if (c[a * dim + a] > c[best * dim + best]) best = a;
  for (int a = 0; a < dim; a++) x[a] = c[best * dim + a];
}

/* x of length 1, its component of largest magnitude positive. */
ESP_INLINE void esp_principal_normalise(int dim, double *x) {
  int largest = 0;
  for (int a = 1; a < dim; a++)
    if (fabs(x[a]) > fabs(x[largest])) largest = a;
  const double length = sqrt(esp_principal_dot(dim, x, x));
  esp_principal_divide(dim, x, x[largest] < 0 ? -length : length);
}

/* The covariance over its trace into c [dim][dim]; 0: it is zero, and the direction is axis 0. */
ESP_INLINE int esp_principal_begin(int dim, int64_t m, const int64_t *sums, double *c, double *direction) {
  esp_principal_covariance(dim, m, sums, c);
  const double t = esp_principal_trace(dim, c);
  if (t > 0) {
    esp_principal_divide(dim * dim, c, t);
    return 1;
  }
  for (int a = 0; a < dim; a++) direction[a] = a == 0;
  return 0;
}

/* esp_split_direction; dim <= ESP_PRINCIPAL_DIM; c, other [dim][dim]: work. */
ESP_INLINE void esp_principal_direction(int dim, int64_t m, const int64_t *sums, double *c, double *other,
                                        double *direction) {
  if (!esp_principal_begin(dim, m, sums, c, direction)) return;
  esp_principal_squares(dim, c, other, direction);
  esp_principal_normalise(dim, direction);
}

#endif
