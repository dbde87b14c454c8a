/* Cuts of points in up to ESP_MAX_DIM dimensions by other methods than the tree's, for comparison with it; Zoltan's
 * stop at three. Parts are those that the program's own exact selection gives, to the particle: of n particles part q
 * has those of the order's places [n q/P, n (q+1)/P). The same for any number of ranks. */
#ifndef ESP_MPI_PARTITION_CUTS_H
#define ESP_MPI_PARTITION_CUTS_H

#include <stdint.h>

#include "base/comm.h"

typedef enum { ESP_CUT_BISECTION, ESP_CUT_HILBERT } esp_cut_kind;

/* part [n_home], in [0, parts). bisection: halves at the median of the widest axis, again and again; hilbert: pieces of
 * the order along a Hilbert curve (domain/hilbert.h). z [n_home][dim] finite, ids unique over ranks. Collective. Ranks
 * may hold no point; no point at all is fine. Errors, on all ranks: memory, ESP_ERR_COMM. */
int esp_partition_cut(const esp_comm *comm, esp_cut_kind kind, int parts, int dim, int n_home, const double *z,
                      const int64_t *id, int *part);

#endif
