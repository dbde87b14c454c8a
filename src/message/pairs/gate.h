/* The gate between one lane x and entries y (message/cpu/gate_lanes.h): keys in units in which G = 2^-r2, r2 = |y - x|^2, held
 * at ESP_FAINT, from where on G is exactly 0.
 *
 *   spread   sum_c += v_c G           v: the entry's values (receivers' lanes) or gradient (senders' lanes)
 *   score    P = G <lane, entry>      inner product of values and gradient: dLoss/dG
 *   move     sum_a += P (y_a - x_a), which times scale 2 ln 2 is dLoss/dx_a; and P r2, half of 1/ln 2 dLoss/dln s
 *
 * With `den` den is one more channel whose value is 1. dLoss/dy of an entry is the negative of its lanes' moves.
 *
 * What fixes the bits: a lane meets its entries in chunks of ESP_GATE_CHUNK, each summed in ESP_REAL, chunks in float64;
 * within a chunk ESP_GATE_AT_ONCE together, the last of them filled up with zeros. A sum over lanes is one of ESP_LANE
 * partial sums, lane l into l mod ESP_LANE, then in float64 halved from ESP_LANE to 1. */
#ifndef ESP_PAIRS_GATE_H
#define ESP_PAIRS_GATE_H

#include "message/pairs/real.h"

enum { ESP_LANE = 16, ESP_GATE_CHUNK = 256, ESP_GATE_AT_ONCE = 4 };
#define ESP_LN2 0.69314718055994530942

/* One coordinate of a key, `times` of it, about the centre of a block. */
ESP_INLINE double esp_gate_place(double key, double times, double centre, double scale) {
  return fma(key, times, -centre) * scale;
}

/* r2 along one coordinate more. */
ESP_INLINE ESP_REAL esp_gate_square(ESP_REAL y, ESP_REAL x, ESP_REAL r2) {
  const ESP_REAL r = y - x;
  return ESP_FMA(r, r, r2);
}

ESP_INLINE void esp_gate_close(ESP_REAL r2, ESP_REAL *r2_to, ESP_REAL *gate) {
  const ESP_REAL held = r2 < ESP_FAINT ? r2 : ESP_FAINT;
  const ESP_REAL g = ESP_EXP2(-held);
  *r2_to = held;
  *gate = held < ESP_FAINT ? g : 0;
}

/* sum + v.g over the entries at once: spread; and P r2. */
ESP_INLINE ESP_REAL esp_gate_spread(ESP_REAL v0, ESP_REAL g0, ESP_REAL v1, ESP_REAL g1, ESP_REAL v2, ESP_REAL g2,
                                    ESP_REAL v3, ESP_REAL g3, ESP_REAL sum) {
  return sum + (ESP_FMA(v1, g1, v0 * g0) + ESP_FMA(v3, g3, v2 * g2));
}

/* Entry after entry. */
ESP_INLINE ESP_REAL esp_gate_move(ESP_REAL pull, ESP_REAL y, ESP_REAL x, ESP_REAL sum) {
  return ESP_FMA(pull, y - x, sum);
}

#endif
