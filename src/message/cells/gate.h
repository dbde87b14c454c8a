/* Cells of moments under the gate (message/gate.h), for host and device: each function sets or adds to rows in the order written
 * here, every number by itself. Channels [first, last) of a row, den being the last of all; what they have in common, K and
 * how many there are, with channel 0. A row may so be made by several at once. */
#ifndef ESP_CELLS_GATE_H
#define ESP_CELLS_GATE_H

#include <stddef.h>

#include "message/moments.h"
#include "tree/dim.h"

typedef struct {
  int dim, channels, heard; /* d; C; with den: channels with moments */
  int order, moments;       /* M numbers of each channel */
  double unit;
} esp_gate_cells_form;

/* Where a key stands about a cell's mean. */
ESP_INLINE void esp_gate_cells_place(const esp_gate_cells_form *f, const double *key, const double *mean, double *y) {
  for (int a = 0; a < f->dim; a++) y[a] = (key[a] - mean[a]) / f->unit;
}

/* The channels' moments, zero. */
ESP_INLINE double *esp_gate_cells_clear(const esp_gate_cells_form *f, int first, int last, const double *K, double n,
                                        double *cell) {
  const int d = f->dim, M = f->moments;
  for (int a = 0; a < d && first == 0; a++) cell[a] = K[a];
  if (first == 0) cell[d] = n;
  for (int k = d + 1 + first * M; k < d + 1 + last * M; k++) cell[k] = 0;
  return cell + d + 1;
}

ESP_INLINE void esp_gate_cells_leaf(const esp_gate_cells_form *f, int first, int last, int count, const double *source,
                                    double *cell) {
  const int d = f->dim, C = f->channels;
  const size_t width = (size_t)(d + C);
  double y[ESP_MAX_DIM], K[ESP_MAX_DIM];
  for (int a = 0; a < d; a++) K[a] = 0;
  for (size_t j = 0; j < (size_t)count; j++)
    for (int a = 0; a < d; a++) K[a] += source[j * width + (size_t)a];
  for (int a = 0; a < d && count; a++) K[a] /= count;
  double *V = esp_gate_cells_clear(f, first, last, K, count, cell);
  for (size_t j = 0; j < (size_t)count; j++) {
    const double *row = source + j * width;
    esp_gate_cells_place(f, row, K, y);
    for (int c = first; c < last; c++) esp_moments_add(d, f->order, c < C ? row[d + c] : 1, y, V + c * f->moments);
  }
}

ESP_INLINE void esp_gate_cells_join(const esp_gate_cells_form *f, int first, int last, double n1, const double *c1,
                                    double n2, const double *c2, double *cell) {
  const int d = f->dim, M = f->moments;
  const double n = n1 + n2;
  double y[ESP_MAX_DIM], K[ESP_MAX_DIM];
  for (int a = 0; a < d; a++) K[a] = n > 0 ? (n1 * c1[a] + n2 * c2[a]) / n : 0;
  double *V = esp_gate_cells_clear(f, first, last, K, n > 0 ? n : 0, cell);
  for (int side = 0; side < 2; side++) {
    const double *from = side ? c2 : c1;
    if (!((side ? n2 : n1) > 0)) continue;
    esp_gate_cells_place(f, from, K, y);
    for (int c = first; c < last; c++) esp_moments_shift(d, f->order, y, from + d + 1 + c * M, V + c * M);
  }
}

/* From dLoss/d(K / s) through u and dLoss/dP: what each member gets through K; polynomials in the members' places. */
ESP_INLINE void esp_gate_cells_close(const esp_gate_cells_form *f, const double *cell, double *adjoint) {
  const int d = f->dim, M = f->moments;
  double through[ESP_MAX_DIM];
  for (int a = 0; a < d; a++) through[a] = 0;
  for (int c = 0; c < f->heard; c++) {
    double *q = adjoint + d + c * M;
    esp_moments_hermite_back(d, f->order, q, q);
    esp_moments_slope(d, f->order, q, cell + d + 1 + c * M, through);
  }
  for (int a = 0; a < d; a++) adjoint[a] = cell[d] > 0 ? (adjoint[a] - through[a]) / (cell[d] * f->unit) : 0;
}

ESP_INLINE void esp_gate_cells_pass(const esp_gate_cells_form *f, int first, int last, const double *cell,
                                    const double *adjoint, const double *child, double *to) {
  const int d = f->dim, M = f->moments;
  double y[ESP_MAX_DIM];
  if (!(child[d] > 0)) return;
  esp_gate_cells_place(f, child, cell, y);
  for (int a = 0; a < d && first == 0; a++) to[a] += adjoint[a];
  for (int c = first; c < last; c++) esp_moments_shift_back(d, f->order, y, adjoint + d + c * M, to + d + c * M);
}

/* Of one member. */
ESP_INLINE void esp_gate_cells_pull(const esp_gate_cells_form *f, const double *cell, const double *adjoint,
                                    const double *row, double *to) {
  const int d = f->dim, C = f->channels, M = f->moments;
  double y[ESP_MAX_DIM], slope[ESP_MAX_DIM];
  for (int a = 0; a < d; a++) slope[a] = 0;
  esp_gate_cells_place(f, row, cell, y);
  for (int c = 0; c < f->heard; c++) {
    const double dv = esp_moments_value(d, f->order, adjoint + d + c * M, c < C ? row[d + c] : 1, y, slope);
    if (c < C) to[d + c] += dv;
  }
  for (int a = 0; a < d; a++) to[a] += adjoint[a] + slope[a] / f->unit;
}

#endif
