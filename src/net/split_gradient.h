/* The gradient of learned splits: how a pair's message would change if a cut moved so that the two came to lie
 * together.
 *
 * Letters: w_m normal of node m of the first `levels` levels of the tree, b_m half way between the two sides' nearest
 * scores, tau_m = ESP_SPLIT_SOFTNESS times the spread (largest - smallest) of the node's scores; all constants but w_m.
 *
 *   p_m(i) = sigmoid((w_m . k_i - b_m) / tau_m)                     soft side
 *   g_ij   = prod over the nodes m that hold both i and j of  p_m(i) p_m(j) + (1 - p_m(i)) (1 - p_m(j)),   i != j
 *
 * The nodes are those above the blocks alone (level < block_level): a receiver's walk is its block's, so which side of
 * a deeper cut it lies on decides nothing. A node whose scores have no spread (a zero normal, keys that coincide along
 * it), or one with an empty side, puts all half way, p = 1/2: a factor 1/2 and no gradient of its own. A particle lies
 * together with itself wherever the cuts are: it is no pair, whatever include_self says.
 *
 * Straight through: near messages are left as they are (g counts as 1), and dLoss/dg_ij = a_i . v_j G_ij + e_i G_ij
 * passes on to w_m and to the keys of both. Far cells are no members of anything. For one tree built on the keys alone:
 * with queries of their own no node holds a receiver and a sender for the same reason. Float64, pair by pair: this is
 * an experiment (docs/figures/relation.md says what it brought), not a fast routine. */
#ifndef ESP_SPLIT_GRADIENT_H
#define ESP_SPLIT_GRADIENT_H

#include "message/kernels.h"

#define ESP_SPLIT_SOFTNESS 0.1

typedef struct {
  int levels, dim;      /* levels: the rule's, at most block_level and at most 24; may be 0 */
  const double *normal; /* [2^levels - 1][dim] borrowed: the first of the rule's */
  double *middle, *tau; /* [2^levels - 1] b_m, tau_m; both 0 where p = 1/2 */
} esp_split_soft;

/* From the keys k [n_own][stride >= dim] (the first dim count) in slot order of dom, whose rule was `learned`.
 * Collective: limits are exact maxima over ranks, the same on all. O(n_own levels dim). n = 0: no levels. Errors:
 * memory; then *soft is empty. Free with esp_split_soft_free. */
int esp_split_soft_make(const esp_domain *dom, const double *key, int stride, esp_split_soft *soft);
void esp_split_soft_free(esp_split_soft *soft);

/* Adds to dquery [n_own][query width] and dsource [n_own][source width] (their first d numbers) and to normal_acc
 * [(2^levels - 1) * d][ESP_EXACT_FULL_WORDS], at most one term a (block, number); sum over ranks. receiver as in
 * message/kernels.h, ghosts filled; p in the host's memory. Only for a message that weighs its pairs (message.weigh).
 * Local. Errors: memory. */
int esp_split_gradient(const esp_pairs *p, const esp_split_soft *soft, const double *receiver, double *dquery,
                       double *dsource, int64_t *normal_acc);

#endif
