/* Moments: cells whose rows are plain sums over their members, of any width, and their adjoint. The messages that are
 * learned use them (net/gate.h says what is summed); cells.h is the same for masses, with second moments.
 *
 * A row is `width` doubles. Leaves are summed in slot order, parents child by child (left, then right): no rank cut
 * changes a bit. The adjoint of a sum is the same for every member: a particle's is the sum over the cells it is in. */
#ifndef ESP_MOMENTS_H
#define ESP_MOMENTS_H

#include "tree/tree.h"

/* Adds what the particle in own slot `slot` gives to row [width]. Local, pure. */
typedef void (*esp_moments_add)(const void *context, int slot, double *row);
/* adjoint [width]: dLoss/d(every sum that holds the particle in own slot `slot`), all its cells together. */
typedef void (*esp_moments_pull)(void *context, int slot, const double *adjoint);

/* Own rows of cell [row_count][width], deepest first. An empty node's row is 0. Local. O((n_own + own_rows) width). */
void esp_moments_upward(const esp_tree *tree, int width, esp_moments_add add, const void *context, double *cell);
/* Top rows, deepest first, from own, top and ghost rows already filled. Local; the same bits on every rank. */
void esp_moments_top(const esp_tree *tree, int width, double *cell);
/* In: adjoint [own_rows + top_rows][width], complete (summed over ranks); overwritten with the totals of each row and
 * its ancestors. pull is called once an own slot, in slot order. Local. */
void esp_moments_downward(const esp_tree *tree, int width, double *adjoint, esp_moments_pull pull, void *context);

#endif
