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
 * W3 [C][ESP_GATE_EDGE]. Cells are plain sums over their members, of
 *   poles   (gate, C <= ESP_GATE_POLES)  for each channel, positive values then negative: (|v|, |v| k [d]); then (1, k [d])
 *   plain   (gate, C > ESP_GATE_POLES)   v [C]; then (1, k [d])
 *   mlp                                  w [C]; then (1, k [d])
 * and act on a receiver as
 *   poles   for each pole with |V| > 0: a sender of value +-|V| in its channel at key K / |V|; den: count at the mean key
 *   plain   a sender of value V at the mean key
 *   mlp     count times a sender of w / count at the mean key
 * Poles keep apart what would cancel: values of both signs at one mean key err at first order in the cell's size. The
 * adjoint of a sum is the same for every member: a particle's is the sum over the cells it is in.
 *
 * The kernels leave in a cell's adjoint: in the places of a pole's |v|, |v| k the derivatives by the pole's summed value
 * (with its sign) and by its key; plain and mlp: by V (or mean w) and, in the last d places, by the mean key; the count's
 * place gets nothing. */
#ifndef ESP_GATE_H
#define ESP_GATE_H

#include "message/message.h"

enum { ESP_GATE_POLES = 4, ESP_GATE_EDGE = 2, ESP_GATE_MAX_CHANNELS = 128 };

static inline int esp_gate_poles(const esp_form *f) {
  return !esp_message_has(f->message, ESP_MESSAGE_OFFSET) && f->channels <= ESP_GATE_POLES;
}
/* Numbers of a cell's row before (1, k). */
static inline int esp_gate_tail(const esp_form *f) {
  return esp_gate_poles(f) ? 2 * f->channels * (1 + f->dim) : f->channels;
}

/* What both rows share. */
int esp_gate_check(const esp_form *f, const double *param);
void esp_gate_widths(const esp_form *f, esp_widths *w);
double esp_gate_fade(const esp_form *f, const double *param);
extern const esp_cell_algebra esp_gate_cells;

/* A particle and itself: its rows, and how far its query lies from its key. */
typedef struct {
  const double *q, *k;
  double rho, G;
} esp_gate_self;
esp_gate_self esp_gate_self_of(const esp_form *f, double scale, const double *query, const double *source);
/* dquery, dsource: moved by drho = dLoss/drho of the term as if it were added; returns its dLoss/dln s. */
double esp_gate_self_move(const esp_form *f, const esp_gate_self *p, double scale, double drho, double *dquery,
                          double *dsource);

#endif
