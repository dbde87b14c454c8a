/* The mlp message through the gate, of one pair and channel:
 *
 *   t = a + b + W3[0] rho + W3[1] G     a of the lane, b of the entry: u and w, either way round
 *   num += n G f,  f = silu(t)          n: how many senders the entry stands for
 *
 * With h = n G gn, gn = dLoss/dnum of the receiver, and f' = silu'(t):
 *   dLoss/dt = h f',  P = -dLoss/drho = n G gd + sum_c [h f + dLoss/dt (G W3[1] - W3[0])]
 * and P moves keys and s as the gate's does. */
#ifndef ESP_PAIRS_GATE_MLP_H
#define ESP_PAIRS_GATE_MLP_H

#include "message/pairs/gate.h"

/* w0: ln 2 W3[0], w1: W3[1]. */
ESP_INLINE ESP_REAL esp_gate_mlp_input(ESP_REAL a, ESP_REAL b, ESP_REAL w0, ESP_REAL r2, ESP_REAL w1, ESP_REAL gate) {
  return ESP_FMA(w1, gate, ESP_FMA(w0, r2, a + b));
}

ESP_INLINE ESP_REAL esp_gate_mlp_say(ESP_REAL n, ESP_REAL gate, ESP_REAL t, ESP_REAL sum) {
  return ESP_FMA(n * gate, t * ESP_SIGMOID(t), sum);
}

/* Returns dLoss/dt, adds to P. gn: n times dLoss/dnum. */
ESP_INLINE ESP_REAL esp_gate_mlp_slope(ESP_REAL t, ESP_REAL gate, ESP_REAL gn, ESP_REAL w3_0, ESP_REAL w3_1,
                                       ESP_REAL *pull) {
  const ESP_REAL m = ESP_SIGMOID(t), h = gate * gn, dt = h * (m * ESP_FMA(t, 1 - m, (ESP_REAL)1));
  *pull = ESP_FMA(dt, ESP_FMA(gate, w3_1, -w3_0), ESP_FMA(h, t * m, *pull));
  return dt;
}

#endif
