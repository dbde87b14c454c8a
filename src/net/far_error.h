/* The error of a layer's far cells against its gates' sums of magnitudes, and the tree it asks for.
 *
 * Receiver i, channel c: err_i = what far cells say less what their members would; S_i = sum_j G_ij |v_j|, of all senders.
 * Bound, with signs of v independent and fair given |v| and the keys: the expectation of the mean over receivers and
 * channels of (err_i / S_i)^2 is at most
 *   beta^2 = mean of M_i^2 / Slo_i^2,  M_i^2 = sum over far cells of message/gate_bound.h's square,
 *   Slo_i = sum over near j of G_ij |v_j| + sum over far cells of B0 exp(-(rho^2 - 2 u.A1 / B0 + tr Y / B0) / 2) <= S_i
 * (Jensen), B0, A1, Y the moments of |v| about the cell's mean key. With a denominator v = 1 is a channel, too. The errors of
 * a channel whose values are all of one sign, as those of a denominator, may add up: there
 *   W_i = sum over far cells of sqrt(members M^2 of the cell) >= |err_i|
 * stands in M_i's place, for each receiver and whatever the values. For learned values, whose signs may go with the keys, M is a
 * model of the error, no bound.
 *
 * Receivers: those of the last of every ESP_FAR_STRIDE blocks (which is empty only where all are); of all, where there are fewer than
 * ESP_FAR_FEW blocks; of them those whose S_i is not 0. They are brought to every rank, some blocks at a time, and each
 * rank adds what its own cells and particles say, exactly: the same bits on any number of ranks, and any c can be tried
 * on a tree that stands. */
#ifndef ESP_FAR_ERROR_H
#define ESP_FAR_ERROR_H

#include "message/gate_bound.h"
#include "net/layer.h"

enum { ESP_FAR_STRIDE = 16, ESP_FAR_FEW = 64 };

/* A layer whose domain stands, of a message of moments; table: of its order. Its lists follow esp_rule_size, for any c.
 * Borrowed. */
typedef struct {
  const esp_comm *comm;
  esp_layer *layer; /* fetched */
  const esp_gate_bound *table;
} esp_far;

/* Receivers are those of every stride-th block; of so many blocks. Local. */
int64_t esp_far_blocks(const esp_layer *layer, int *stride);
/* beta for the lists that c makes; 0 for no particle. Collective. Errors: memory. */
int esp_far_bound(const esp_far *far, double c, double *beta);
/* The largest c of the tree's ladder, up to the rule's `most`, with beta <= error; the ladder's first if there is none. From
 * the step nearest to `begin` outward, then by halves. beta: of that c. Collective. */
int esp_far_choose(const esp_far *far, double error, double begin, double *c, double *beta);

#endif
