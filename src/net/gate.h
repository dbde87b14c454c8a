/* The gated messages: what a receiver hears of every sender through a Gaussian gate in the learned space, and the table of
 * block routines that compute it.
 *
 * Letters: d key dimension, C channels, s scale; q_i query, k_j key [d]; rho = |q_i - k_j|^2 / (2 s^2), G = exp(-rho).
 *
 *   gate   num_i[c] = sum_j G_ij v_j[c]                                             v_j [C] values
 *   mlp    num_i[c] = sum_j G_ij silu(u_i[c] + w_j[c] + W3[c][0] rho + W3[c][1] G)  u_i, w_j [C] (C hidden units)
 *   both   den_i    = sum_j G_ij                                                    if `average`
 *
 * The sum runs over all senders, the receiver itself included: net/relation_layer.h takes it out again where it is not
 * wanted, so no routine here knows who is who. O(C + d) a pair; nothing is stored for a pair; the backward pass
 * recomputes. The second linear map of the mlp message comes after the sum (net/relation.h).
 *
 * Cells are moments (tree/moments.h): sums over their members, of
 *   poles   (gate, C <= ESP_GATE_POLES)  for each channel, positive values then negative: (|v|, |v| k [d]); then (1, k [d])
 *   plain   (gate, C > ESP_GATE_POLES)   v [C]; then (1, k [d])
 *   mlp                                  w [C]; then (1, k [d])
 * and act on a receiver as
 *   poles   for each pole with |V| > 0: a sender of value +-|V| in its channel at key K / |V|; den: count at the mean key
 *   plain   a sender of value V at the mean key
 *   mlp     count times a sender of w / count at the mean key
 * Poles keep apart what would cancel: values of both signs at one mean key err at first order in the cell's size.
 *
 * Precision: keys float64; pairs in ESP_REAL (float32 or float64) relative to the receiver block's mean query, the
 * differences to it formed in float64; chunks of senders are added in float64. A G below 2^-100 (float64: 2^-1000) is
 * exactly 0. */
#ifndef ESP_GATE_H
#define ESP_GATE_H

#include "base/exact_sum.h"
#include "tree/domain.h"

enum { ESP_GATE_POLES = 4, ESP_GATE_EDGE = 2, ESP_GATE_MAX_CHANNELS = 128 };

/* What kind of message: fixes the widths of all rows. */
typedef struct {
  int dim;      /* d, 1..ESP_MAX_DIM */
  int channels; /* C, 1..ESP_GATE_MAX_CHANNELS */
  int mlp;      /* 1: mlp, 0: gate */
  int average;  /* 1: den too */
} esp_gate_form;

static inline int esp_gate_poles(const esp_gate_form *f) {
  return !f->mlp && f->channels <= ESP_GATE_POLES;
}
/* A result and its gradient: num [C], den (if average). */
static inline int esp_gate_sum_width(const esp_gate_form *f) {
  return f->channels + (f->average ? 1 : 0);
}
/* A sender as it travels: k [d], v or w [C]. */
static inline int esp_gate_source_width(const esp_gate_form *f) {
  return f->dim + f->channels;
}
/* A receiver: q [d], u [C] if mlp. */
static inline int esp_gate_query_width(const esp_gate_form *f) {
  return f->dim + (f->mlp ? f->channels : 0);
}
/* A receiver in the backward pass as it travels: the receiver's row, then dLoss/d(num, den). */
static inline int esp_gate_receiver_width(const esp_gate_form *f) {
  return esp_gate_query_width(f) + esp_gate_sum_width(f);
}
/* Moments of a cell, in the order above. */
static inline int esp_gate_cell_width(const esp_gate_form *f) {
  return (esp_gate_poles(f) ? 2 * f->channels * (1 + f->dim) : f->channels) + 1 + f->dim;
}
/* Learned numbers of the message itself: ln s; with mlp then W3 [C][ESP_GATE_EDGE]. */
static inline int esp_gate_param_count(const esp_gate_form *f) {
  return 1 + (f->mlp ? ESP_GATE_EDGE * f->channels : 0);
}

/* One layer's inputs, rows of doubles of the widths above, in slot order of `dom`. Borrowed. */
typedef struct {
  esp_gate_form form;
  const esp_domain *dom;
  const double *param;  /* [param_count] ln s, W3 */
  const double *query;  /* [n_own] receivers' slots */
  const double *source; /* [n_own + n_ghost] senders' slots */
  const double *cell;   /* [row_count] */
} esp_gate;

typedef struct esp_gate_scratch esp_gate_scratch; /* one a thread; opaque */

/* Block routines: local, never allocate, cannot fail. A block is computed whole, sources in list order (with one tree the
 * block itself first), so that its result does not depend on who computes it or when. */
typedef struct {
  const char *name;
  int (*scratch_create)(const esp_gate_form *form, const esp_domain *dom, esp_gate_scratch **scratch);
  void (*scratch_free)(esp_gate_scratch **scratch);
  /* sum [n_own][sum_width] of the receivers of the given blocks is set. */
  void (*forward)(const esp_gate *g, int count, const int *block, double *sum, esp_gate_scratch *scratch);
  /* Receivers' side. gradient [n_own][sum_width] = dLoss/dsum. dquery [n_own][query_width] is set for the receivers of
   * the blocks. cell_acc [row_count][cell_width][ESP_EXACT_CELL_WORDS] gets one float64 term a (block, cell, number): in
   * the places of a pole's |v|, |v| k the derivatives by the pole's summed value (with its sign) and by its key; plain
   * and mlp: by V (or mean w) and, in the last d places, by the mean key; the count's place gets nothing.
   * param_acc [param_count][ESP_EXACT_FULL_WORDS] gets one term a (block, number). */
  void (*backward_receivers)(const esp_gate *g, int count, const int *block, const double *gradient, double *dquery,
                             int64_t *cell_acc, int64_t *param_acc, esp_gate_scratch *scratch);
  /* Senders' side, pulled over the transposed near lists (with one tree the own square included). receiver
   * [n_own + n_receiver_ghost][receiver_width]. dsource [n_own][source_width] is set for the senders of the blocks. */
  void (*backward_senders)(const esp_gate *g, int count, const int *block, const double *receiver, double *dsource,
                           esp_gate_scratch *scratch);
} esp_gate_ops;

extern const esp_gate_ops esp_gate_cpu32, esp_gate_cpu64;

/* ---- moments of the form; local, pure ---- */

/* What a sender's row [source_width] adds to a cell's row [cell_width]. */
void esp_gate_moments(const esp_gate_form *form, const double *source, double *row);
/* Derivatives as backward_receivers leaves them (already summed over ranks; out of the accumulators) -> derivatives by
 * the cell's sums, in place. cell [cell_width]: its sums. */
void esp_gate_cell_adjoint(const esp_gate_form *form, const double *cell, double *adjoint);
/* dsource [source_width] += what the sender's row owes to the adjoint [cell_width] of the sums it is part of. */
void esp_gate_moments_pull(const esp_gate_form *form, const double *source, const double *adjoint, double *dsource);

#endif
