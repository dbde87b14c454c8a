/* Cuts of a set of points by the geometric partitioners of Zoltan, for comparison with the tree's own.
 *
 * RCB: recursive coordinate bisection, Berger, Bokhari, "A partitioning strategy for nonuniform problems on
 * multiprocessors", IEEE Trans. Comput. 36 (1987). HSFC: intervals along a Hilbert curve, Warren, Salmon, "A parallel
 * hashed oct-tree N-body algorithm", Supercomputing '93. Library: Devine, Boman, Heaphy, Hendrickson, Vaughan, "Zoltan
 * data management services for parallel dynamic applications", Comput. Sci. Eng. 4 (2002). */
#ifndef ESP_MPI_PARTITION_ZOLTAN_H
#define ESP_MPI_PARTITION_ZOLTAN_H

#include <stdint.h>

#include "base/comm.h"

/* 1 where Zoltan was found when this was built, else 0: then the next one is a refusal. Local. */
int esp_partition_zoltan_built(void);
/* part [n_home], in [0, parts): the part of each point; points stay where they are. method "RCB" or "HSFC"; unit
 * weights; z [n_home][dim], dim 2 or 3. The parts may depend on the number of ranks at hand and on who holds
 * what: bisection splits parts over ranks first, so on 3 ranks its 8 parts may have twice the halo of those on 2. Where
 * a rank holds no point the parts are those of one rank, and each rank takes memory for all points.
 * Collective. Ranks may hold no point; no point at all is fine. Errors, on all ranks: ESP_ERR_ARG for parts or dim,
 * or without Zoltan; ESP_ERR_COMM where Zoltan fails. */
int esp_partition_zoltan(const esp_comm *comm, const char *method, int parts, int dim, int n_home, const double *z,
                         int *part);

#endif
