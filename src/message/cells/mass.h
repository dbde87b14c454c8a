/* Cells of mass, centre of mass and second moment (message/newton.h), for host and device: each function sets or adds to rows in
 * the order written here, every number by itself. */
#ifndef ESP_CELLS_MASS_H
#define ESP_CELLS_MASS_H

#include <stddef.h>

#include "base/inline.h"

/* Numbers of a row. Source: y [3], mu; y has a gradient. Cell: M, X [3], C (xx xy xz yy yz zz). Adjoint of a cell: to X [3]
 * and to the six stored numbers of C (the off-diagonal ones count both halves). Sum: A [3]. */
enum { ESP_BODY = 4, ESP_BODY_MASS = 3, ESP_BODY_SUM = 3 };
enum { ESP_MASS_CELL = 10, ESP_MASS_CELL_X = 1, ESP_MASS_CELL_C = 4, ESP_MASS_ADJOINT = 9 };

/* C += weight u u^T */
ESP_INLINE void esp_mass_square(double weight, const double *u, double *C) {
  for (int a = 0; a < 3; a++)
    for (int b = a; b < 3; b++) *C++ += weight * (u[a] * u[b]);
}

ESP_INLINE void esp_mass_leaf(int count, const double *source, double *cell) {
  double M = 0, sum[3] = {0, 0, 0}, mean[3] = {0, 0, 0}, *X = cell + ESP_MASS_CELL_X;
  for (int k = 0; k < ESP_MASS_CELL; k++) cell[k] = 0;
  if (count == 0) return;
  for (int i = 0; i < count; i++) {
    const double *y = source + (size_t)i * ESP_BODY, mu = y[ESP_BODY_MASS];
    M += mu;
    for (int a = 0; a < 3; a++) {
      sum[a] += mu * y[a];
      mean[a] += y[a];
    }
  }
  cell[0] = M;
  for (int a = 0; a < 3; a++) X[a] = M > 0 ? sum[a] / M : mean[a] / count;
  if (M <= 0) return;
  for (int i = 0; i < count; i++) {
    const double *y = source + (size_t)i * ESP_BODY;
    double u[3];
    for (int a = 0; a < 3; a++) u[a] = y[a] - X[a];
    esp_mass_square(y[ESP_BODY_MASS] / M, u, cell + ESP_MASS_CELL_C);
  }
}

/* C += weight (C_c + u u^T) */
ESP_INLINE void esp_mass_take(double weight, const double *child, const double *X, double *C) {
  double u[3];
  for (int a = 0; a < 3; a++) u[a] = child[ESP_MASS_CELL_X + a] - X[a];
  for (int e = 0; e < 6; e++) C[e] += weight * child[ESP_MASS_CELL_C + e];
  esp_mass_square(weight, u, C);
}

ESP_INLINE void esp_mass_join(double n1, const double *c1, double n2, const double *c2, double *cell) {
  double M = c1[0] + c2[0], w1 = c1[0], w2 = c2[0], sum = M, *X = cell + ESP_MASS_CELL_X;
  for (int k = 0; k < ESP_MASS_CELL; k++) cell[k] = 0;
  cell[0] = M;
  if (M <= 0) {
    w1 = n1;
    w2 = n2;
    sum = n1 + n2;
  }
  if (sum <= 0) return;
  for (int a = 0; a < 3; a++) X[a] = (w1 * c1[ESP_MASS_CELL_X + a] + w2 * c2[ESP_MASS_CELL_X + a]) / sum;
  if (M <= 0) return;
  esp_mass_take(c1[0] / M, c1, X, cell + ESP_MASS_CELL_C);
  esp_mass_take(c2[0] / M, c2, X, cell + ESP_MASS_CELL_C);
}

/* g += weight (dX + 2 dC u). The off-diagonal numbers already count both halves. */
ESP_INLINE void esp_mass_shift(double weight, const double *adjoint, const double *u, double *g) {
  const double *dX = adjoint, *d = adjoint + 3;
  g[0] += weight * (dX[0] + (2 * d[0] * u[0] + d[1] * u[1] + d[2] * u[2]));
  g[1] += weight * (dX[1] + (d[1] * u[0] + 2 * d[3] * u[1] + d[4] * u[2]));
  g[2] += weight * (dX[2] + (d[2] * u[0] + d[4] * u[1] + 2 * d[5] * u[2]));
}

ESP_INLINE void esp_mass_pass(const double *cell, const double *adjoint, const double *child, double *to) {
  if (cell[0] <= 0 || child[0] <= 0) return;
  double weight = child[0] / cell[0], u[3];
  for (int a = 0; a < 3; a++) u[a] = child[ESP_MASS_CELL_X + a] - cell[ESP_MASS_CELL_X + a];
  esp_mass_shift(weight, adjoint, u, to);
  for (int e = 3; e < ESP_MASS_ADJOINT; e++) to[e] += weight * adjoint[e];
}

/* Of one member. */
ESP_INLINE void esp_mass_pull(const double *cell, const double *adjoint, const double *y, double *dy) {
  double u[3];
  if (cell[0] <= 0) return;
  for (int a = 0; a < 3; a++) u[a] = y[a] - cell[ESP_MASS_CELL_X + a];
  esp_mass_shift(y[ESP_BODY_MASS] / cell[0], adjoint, u, dy);
}

#endif
