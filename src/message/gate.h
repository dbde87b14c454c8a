/* The gated messages: what a receiver hears of every sender through a Gaussian gate in the learned space.
 *
 * Letters: d key dimension, C channels, s scale; q_i query, k_j key [d]; rho = |q_i - k_j|^2 / (2 s^2), G = exp(-rho).
 *
 *   gate      num_i[c] = sum_j G_ij v_j[c]                                             v_j [C] values
 *   gate_mlp  num_i[c] = sum_j G_ij silu(u_i[c] + w_j[c] + W3[c][0] rho + W3[c][1] G)  u_i, w_j [C] (C hidden units)
 *   both      den_i    = sum_j G_ij                                                    if form.den
 *
 * The sum runs over all senders, the receiver itself included: `self` takes it out again where it is not wanted, so no
 * kernel knows who is who. O(C + d) a pair; nothing is stored for a pair; the backward pass recomputes. The second linear
 * map of gate_mlp comes after the sum (net/stack.h).
 *
 * Rows. Source: k [d], v or w [C]. Query: q [d], gate_mlp then u [C]. Sum: num [C], den. Parameters: ln s; gate_mlp then
 * W3 [C][ESP_GATE_EDGE].
 *
 * Cells of gate. K: mean key; y_j = (k_j - K) / s. A row is K [d], how many there are, then for each channel, and for den as
 * one more whose v is 1, the moments of y weighed by v (message/moments.h), M numbers. To a receiver it says
 *   exp(-|u|^2 / 2) P_c(u), u = (q - K) / s, P_c the Hermite series of channel c: the sum but for terms of degree order + 1.
 * Values of both signs need nothing of their own: moments are linear in v. The kernels leave in a cell's adjoint dLoss/d(K / s)
 * through u [d], then dLoss/dP of each channel [M]. A member's gradient is a polynomial in its place, which goes down the
 * tree by translation; K moves with all of its members, so that what all of it says through y and u is shared by them.
 *
 * Cells of gate_mlp are plain sums, w [C]; then (1, k [d]): one sender of w / count at the mean key, `count` times. The
 * kernels leave dLoss/d(mean w) and, in the last d places, by the mean key; the count's place gets nothing. */
#ifndef ESP_GATE_H
#define ESP_GATE_H

#include "message/cells/gate.h"
#include "message/message.h"

enum { ESP_GATE_EDGE = 2, ESP_GATE_MAX_CHANNELS = 128, ESP_GATE_MAX_MOMENTS = 2145 };

/* What both rows share. */
int esp_gate_check(const esp_form *f, const double *param);
double esp_gate_fade(const esp_form *f, const double *param);
extern const esp_cell_algebra esp_gate_cells, esp_gate_mlp_cells;
esp_gate_cells_form esp_gate_cells_form_of(const esp_form *f);

#endif
