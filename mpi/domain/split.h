/* Top splits: which covering subtree each particle belongs to, by exact distributed selection.
 *
 * Selection: all straddling nodes of a level together. One max-reduction finds the widest axes; the median of (key, id)
 * follows digit by digit from integer histograms of the order-preserving 64-bit image of the key (8 rounds of 8 bits,
 * each one sum-reduction), and of the id where equal keys meet at the median (8 more rounds). Radix selection: Knuth,
 * The Art of Computer Programming 3, section 5.3.3 (distributive). A level costs 9 or 17 reductions of at most P x 256
 * words, whatever n; no particle moves. The order is that of esp_tree_order: z_axis (or direction . z of the rule),
 * then id; -0 equals +0. The rule pca costs one more integer reduction a level, of the sums of tree/direction.h. */
#ifndef ESP_MPI_SPLIT_H
#define ESP_MPI_SPLIT_H

#include "base/comm.h"
#include "domain/cover.h"

/* cover_of [n_home]: index of the covering root of each home particle. Keys z [n_home][dim] finite, ids unique over
 * ranks (int64, ordered as signed), the same rule on every rank. Collective. Ranks may hold none, or all. Errors, on
 * all ranks: memory, ESP_ERR_COMM, those of esp_split_check, ESP_ERR_LIMIT for pca of more than 2^34 particles. */
int esp_split(const esp_comm *comm, const esp_shape *shape, const esp_cover *cover, const esp_split_rule *rule, int dim,
              int n_home, const double *z, const int64_t *id, int *cover_of);

#endif
