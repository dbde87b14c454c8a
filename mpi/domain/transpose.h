/* The transpose of near lists that reach over ranks: for the owned leaves, who receives from them. Block numbers are
 * those of the receivers' tree, leaves those of the senders'; both have one shape. */
#ifndef ESP_MPI_TRANSPOSE_H
#define ESP_MPI_TRANSPOSE_H

#include "base/comm.h"
#include "tree/lists.h"

/* The rank of a receiving block tells the owner of each remote near leaf, sparsely. Fills n_leaf, sender_start, sender,
 * n_ghost_block, ghost_block and allocates ghost_first [n_ghost_block + 1], of which only entry 0 = n_own is set. owner
 * [n_ghost_block]: ranks of the ghost blocks, the caller's. Collective. Errors, on all ranks: memory, ESP_ERR_COMM. */
int esp_transpose_create(const esp_comm *comm, const esp_tree *tree, esp_lists *lists, int **owner);

#endif
