/* The integrator: L layers of messages between bodies, joined by a tableau into one step over the horizon.
 *
 * Letters: n particles in all, n_home of them here, x positions, w velocities, A^l [n_home][3] what layer l gives at the
 * places Y_l = x + c_l w + sum_{k<l} alpha_lk A^k (tableau.h). Prediction in model units: D = sum b_l A^l (displacement
 * beyond the ballistic one), K = sum b'_l A^l (velocity change), both with their mass-weighted mean removed, so that total
 * momentum is kept; where the total mass is zero the plain mean is removed.
 *
 * Sets have positions and velocities (INPUT, three numbers each), masses (SENT) and, where they are known, D and K (TARGET,
 * three numbers each); y is [n_home][6]. Gravity as it is known (newton, and newton_mlp without its correction) is summed by the multipole method in open
 * space, its gradient by that method's backward pass: both are sums over all pairs to the tolerance, not the one the derivative
 * of the other. All else (the correction: near pairs alone), and where theta is 0, is summed by the layer (layer.h), whose tree at Y_l is built by backend->build.
 * Home arrays are in the caller's order. Every number is the same bits for any number of ranks: sums over particles go through exact accumulators.
 *
 * Parameters: the tableau's free numbers (tableau.c ...), then those of the message (mlp0.W1 ...), one set of them or L. A
 * gradient has an accumulator a number of the table (not a free one: `map` brings them there) and one a number of the
 * message. Memory: O(n_home L). A kept pass of the layer's holds L of them (domain, sources, cells) for the backward
 * pass. A visitor is shown a balanced tree at Y_l in any case. */
#ifndef ESP_INTEGRATOR_H
#define ESP_INTEGRATOR_H

#include "base/option.h"
#include "base/set.h"
#include "message/message.h"
#include "net/tableau.h"
#include "tree/domain.h"

typedef struct {
  int layers; /* L, 1..ESP_MAX_LAYERS */
  esp_tableau_kind tableau;
  int message;      /* place among esp_body_messages */
  int hidden;       /* H of a learned message, 1..128; 0 of one that learns nothing */
  uint64_t seed;    /* of the learned message's start values */
  int order;        /* of the multipole method's expansions (fmm/fmm.h) */
  double tolerance; /* of the multipole method; 0: the order's own */
  /* leaf, block, lists.theta, lists.pairs_per_particle, lists.pairs_limit. dim and lists.box come from the set. */
  esp_domain_param domain;
} esp_integrator_param;
/* net_layers, net_tableau, net_message, net_hidden, net_order, net_tolerance, run_seed and the tree's. A run that continues with a budget takes the
 * angle that was found for it before the first step. */
extern const esp_options esp_integrator_options;

/* 1: its sums in this space are the multipole method's. Local, pure. */
int esp_integrator_by_multipoles(const esp_integrator_param *param, const esp_space *space);

#endif
