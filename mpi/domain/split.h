/* Top splits: which covering subtree each particle belongs to, by exact distributed selection.
 *
 * A node straddles when its blocks have more than one owner; the straddling nodes are the tree's top rows. A covering
 * root is a maximal node owned by one rank: O(log n) of them a rank. Both follow from the shape alone.
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
#include "tree/tree.h"

typedef struct {
  int n_top;
  int64_t *top;        /* [n_top] heaps of straddling nodes, ascending: level by level, left to right */
  int (*top_child)[2]; /* [n_top] >= 0: index in top; else -1 - index in cover */
  int n_cover;
  int64_t *cover;   /* [n_cover] heaps of covering roots, in slot order, hence grouped by owner */
  int *cover_owner; /* [n_cover] */
  int *cover_first; /* [size + 1] covering roots of rank r: [cover_first[r], cover_first[r + 1]) */
} esp_cover;

/* Local, the same on every rank. O(P log n). n = 0: one empty covering root, rank 0's. */
int esp_cover_make(const esp_shape *shape, int size, esp_cover *cover);
void esp_cover_free(esp_cover *cover);

/* cover_of [n_home]: index of the covering root of each home particle. Keys z [n_home][dim] finite, ids unique over
 * ranks (int64, ordered as signed), the same rule on every rank. Collective. Ranks may hold none, or all. Errors, on
 * all ranks: memory, ESP_ERR_COMM, those of esp_split_check, ESP_ERR_LIMIT for pca of more than 2^34 particles. */
int esp_split(const esp_comm *comm, const esp_shape *shape, const esp_cover *cover, const esp_split_rule *rule, int dim,
              int n_home, const double *z, const int64_t *id, int *cover_of);

#endif
