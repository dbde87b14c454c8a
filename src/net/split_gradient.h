/* The gradient of learned splits: how a pair's message would change if a cut moved so that the two came to lie together.
 *
 * Letters: w_m normal of node m of the first `levels` levels of the tree, b_m half way between the two sides' nearest
 * scores, tau_m = ESP_SPLIT_SOFTNESS times the spread of the node's scores; all constants but w_m.
 *
 *   p_m(i) = sigmoid((w_m . k_i - b_m) / tau_m)                     soft side
 *   g_ij   = prod over the nodes m that hold both i and j of  p_m(i) p_m(j) + (1 - p_m(i)) (1 - p_m(j))
 *
 * Straight through: near messages are left as they are (g counts as 1), and dLoss/dg_ij = a_i . v_j G_ij + e_i G_ij passes
 * on to w_m and to the keys of both. Far cells are no members of anything. For one tree built on the keys alone: with
 * queries of their own no node holds a receiver and a sender for the same reason. Float64, pair by pair: this is an
 * experiment (docs/learned.md says what it brought), not a fast routine. */
#ifndef ESP_SPLIT_GRADIENT_H
#define ESP_SPLIT_GRADIENT_H

#include "net/gate.h"

#define ESP_SPLIT_SOFTNESS 0.1

typedef struct {
  int levels, dim;      /* levels: at most the tree's depth */
  const double *normal; /* [2^levels - 1][dim] borrowed */
  double *middle, *tau; /* [2^levels - 1] */
} esp_split_soft;

/* From the keys k [n_own][dim] in slot order of dom, whose rule was `learned`. Collective: thresholds are exact maxima over
 * ranks, the same on all. Free with esp_split_soft_free. */
int esp_split_soft_make(const esp_domain *dom, const double *key, int stride, esp_split_soft *soft);
void esp_split_soft_free(esp_split_soft *soft);

/* Adds to dquery [n_own][query_width] and dsource [n_own][source_width] (their first d numbers) and to normal_acc
 * [(2^levels - 1) * d][ESP_EXACT_FULL_WORDS], one term a (block, number). gradient and receiver as in gate.h, ghosts
 * filled. Only for the gate message (form.mlp 0). Local. Errors: memory. */
int esp_split_gradient(const esp_gate *g, const esp_split_soft *soft, const double *receiver, double *dquery,
                       double *dsource, int64_t *normal_acc);

#endif
