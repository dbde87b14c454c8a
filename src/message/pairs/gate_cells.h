/* A far cell of the gate and one receiver, or several at once: what the cell's moments say, and the adjoint. Text: whoever
 * includes it says before what a number is, esp_number (one ESP_REAL or a vector of them), with esp_number_of (all of it the
 * same), esp_number_fma, and ESP_UNROLL before loops that are written out where d and order are known.
 *
 * x = lane - cell's key in the lanes' unit, G = 2^-|x|^2; u = x sqrt(2 ln 2), so that a cell's Hermite series in u is a
 * polynomial p_c of x once its coefficients are scaled:
 *   forward    sum_c += G p_c(x)
 *   receivers  dx = G (sum_c g_c grad p_c - 2 ln 2 x sum_c g_c p_c), g = dLoss/dsum; dLoss/dp_c,m = sum G g_c m(x)
 * A lane where G is 0 has x = 0, so that nothing overflows. */
#ifndef ESP_PAIRS_GATE_CELLS_H
#define ESP_PAIRS_GATE_CELLS_H

#include "message/pairs/gate.h"

/* p(x); slope [d] = grad p, unless NULL. */
ESP_INLINE esp_number esp_gate_poly(int d, int order, const ESP_REAL *p, const esp_number *x, esp_number *slope) {
  const ESP_REAL *second = p + 1 + d, *third = second + d * (d + 1) / 2;
  esp_number sum = esp_number_of(p[0]);
  ESP_UNROLL
  for (int a = 0; a < d && slope; a++) slope[a] = esp_number_of(order >= 1 ? p[1 + a] : 0);
  ESP_UNROLL
  for (int a = 0; a < d && order >= 1; a++) {
    esp_number along = esp_number_of(p[1 + a]);
    ESP_UNROLL
    for (int b = a; b < d && order >= 2; b++) {
      esp_number both = esp_number_of(*second);
      if (slope) slope[b] = esp_number_fma(both, x[a], slope[b]);
      second++;
      ESP_UNROLL
      for (int c = b; c < d && order >= 3; c++) {
        const esp_number h = esp_number_of(*third++);
        both = esp_number_fma(h, x[c], both);
        if (!slope) continue;
        slope[c] = esp_number_fma(h * x[a], x[b], slope[c]);
        slope[b] = esp_number_fma(h * x[a], x[c], slope[b]);
      }
      along = esp_number_fma(both, x[b], along);
      if (slope) slope[a] = esp_number_fma(both, x[b], slope[a]);
    }
    sum = esp_number_fma(along, x[a], sum);
  }
  return sum;
}

/* part [M] += h m(x). */
ESP_INLINE void esp_gate_monomials(int d, int order, esp_number h, const esp_number *x, esp_number *part) {
  esp_number *second = part + 1 + d, *third = second + d * (d + 1) / 2;
  part[0] += h;
  ESP_UNROLL
  for (int a = 0; a < d && order >= 1; a++) {
    const esp_number ha = h * x[a];
    part[1 + a] = esp_number_fma(h, x[a], part[1 + a]);
    ESP_UNROLL
    for (int b = a; b < d && order >= 2; b++, second++) {
      const esp_number hab = ha * x[b];
      *second = esp_number_fma(ha, x[b], *second);
      ESP_UNROLL
      for (int c = b; c < d && order >= 3; c++, third++) *third = esp_number_fma(hab, x[c], *third);
    }
  }
}

/* dx_a of the pair: slope, sum_c g_c grad_a p_c; score, sum_c g_c p_c. */
ESP_INLINE esp_number esp_gate_cell_move(esp_number slope, esp_number x, esp_number score) {
  return esp_number_fma(esp_number_of((ESP_REAL)(-2 * ESP_LN2)) * x, score, slope);
}

#endif
