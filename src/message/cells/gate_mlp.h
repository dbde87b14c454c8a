/* Cells of plain sums, of gate_mlp (message/gate.h): w [C], 1, k [d] of the members; for host and device. Numbers [first, last)
 * of a row, each by itself. */
#ifndef ESP_CELLS_GATE_MLP_H
#define ESP_CELLS_GATE_MLP_H

#include "base/inline.h"

/* What a member's source row [d + C], first k, adds to number c. */
ESP_INLINE double esp_gate_sums_of(int d, int C, int c, const double *source) {
  return c < C ? source[d + c] : c > C ? source[c - C - 1] : 1;
}

ESP_INLINE void esp_gate_sums_leaf(int d, int C, int first, int last, int count, const double *source, double *cell) {
  for (int c = first; c < last; c++) cell[c] = 0;
  for (int j = 0; j < count; j++, source += d + C)
    for (int c = first; c < last; c++) cell[c] += esp_gate_sums_of(d, C, c, source);
}

ESP_INLINE void esp_gate_sums_join(int first, int last, const double *c1, const double *c2, double *cell) {
  for (int c = first; c < last; c++) cell[c] = c1[c] + c2[c];
}

/* From derivatives by means to those by sums; how many members there are is nobody's variable. */
ESP_INLINE void esp_gate_sums_close(int C, int first, int last, const double *cell, double *adjoint) {
  const double count = cell[C];
  for (int c = first; c < last; c++) adjoint[c] = count > 0 && c != C ? adjoint[c] / count : 0;
}

ESP_INLINE void esp_gate_sums_pass(int first, int last, const double *adjoint, double *to) {
  for (int c = first; c < last; c++) to[c] += adjoint[c];
}

/* Of one member. */
ESP_INLINE void esp_gate_sums_pull(int d, int C, const double *adjoint, double *dsource) {
  for (int c = 0; c < C; c++) dsource[d + c] += adjoint[c];
  for (int a = 0; a < d; a++) dsource[a] += adjoint[C + 1 + a];
}

#endif
