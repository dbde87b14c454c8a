/* A PetscSF forest as the data of tree/route.h: roots are rows of the `from` array, leaves of the `to` array. */
#ifndef ESP_MPI_FOREST_H
#define ESP_MPI_FOREST_H

#include <petscsf.h>

#include "base/comm.h"
#include "tree/route.h"

/* Of a forest that is set up; its leaves' indices count from row `first`. PETSc has both sides of every message since then,
 * in one order. *route is set; the caller's, also after a failure. Local. O(rows + neighbours). Errors: memory, ESP_ERR_COMM. */
int esp_forest_route(const esp_comm *comm, PetscSF forest, int first, esp_route *route);

#endif
