/* What the shape of a tree and the number of ranks say of the top splits.
 *
 * A node straddles when its blocks have more than one owner; the straddling nodes are the tree's top rows. A covering
 * root is a maximal node owned by one rank: O(log n) of them a rank. Both follow from the shape alone. */
#ifndef ESP_MPI_COVER_H
#define ESP_MPI_COVER_H

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

#endif
