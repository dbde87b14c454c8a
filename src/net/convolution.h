/* Graph convolution on given edges, on a learned gate, or on both; two layers, for classes of particles.
 *
 * Letters: n particles, D features x (dense columns, then sparse ones), d key dimension, h hidden width, K classes; sigma
 * the relu.
 *
 *   z = E x,   s^2 = t                                          keys: where they come from, net/gate_regression.h
 *   A_ij = exp(-|z_i - z_j|^2 / 2 t) / sum_{j != i} exp(..)      the gate, self left out; near one by one, far cell by cell
 *   M = (1 - r) ((1 - stay) A + stay I) + r Ahat                 Ahat: net's given edges, symmetric with self edges (tree/given.h)
 *   y = M drop(sigma(M (drop(x) W1) + b1)) W2 + b2
 *
 * r = 1: the graph convolution network of Kipf and Welling (ICLR 2017), without a tree; r = 0, stay = 1: a multilayer
 * perceptron; r = 0, stay < 1: the graph is what the gate says. Terms that weigh 0 are not computed, and need no edges, no
 * keys. A receiver whose weights in all are less than 1e-5 hears nothing through A: what is left of
 * its sums where its own weight, 1, is taken out of them in float32 is rounding then.
 *
 * learning.weight 0: E is a constant while the network is trained (`held` in the block). w > 0: it is trained with the rest, by
 * the loss's gradient through both gates and by gate regression: every step the network adds w times its loss of that step
 * (esp_network.add), at the gate's s, which stays; no decay pulls at E. The tree follows the keys. Directions are those of the set
 * seen last: a training of several sets finds them anew at every change.
 *
 * Features that are sparse: W1 and E are [D][h] and [D][d], a feature a row, so that a particle's product is a sum of few
 * rows (the kernel of given edges). Gradients of W1: exact sums of one term an entry.
 *
 * Start: W1, W2 uniform in +-sqrt(6 / (inputs + outputs)) (Glorot), b 0; E N(0, 1 / D), t 1 until the task sets them.
 * Sets stay in their own order, whole groups. The same bits on any number of ranks. Memory O(n (h + d + K) + entries); with
 * w > 0 O((n + D) C) more, C directions. */
#ifndef ESP_CONVOLUTION_H
#define ESP_CONVOLUTION_H

#include "base/option.h"
#include "net/gate_regression.h"

typedef struct {
  int dim, hidden; /* d, h */
  double share;    /* r of the given edges, 0..1 */
  double stay;     /* 0..1 */
  int far;         /* 1; 0: near pairs alone, as a control */
  int order;       /* of the moments of far cells */
  double error;    /* as in net/stack.h */
  double dropout;  /* share of features and of hidden units that a pass of training drops, as in net/stack.h */
  uint64_t seed;
  esp_domain_param domain;
  esp_gate_learning learning; /* where E comes from; weight > 0: it goes on learning with the rest */
} esp_convolution_param;

extern const esp_options esp_convolution_options; /* net_*, tree_*, run_seed */
/* What E is learned for. Pure. */
esp_gate_shape esp_convolution_gate(const esp_convolution_param *param);

/* Places in the block, -1: not there. Local, pure. */
typedef struct {
  int E, scale /* ln s */, W1, b1, W2, b2;
} esp_convolution_places;
esp_convolution_places esp_convolution_places_of(const esp_model *model);

/* z [n_home][d] = E x. E [D][d]. Local. */
int esp_convolution_keys(const esp_set *set, int d, const double *E, double *z);

#endif
