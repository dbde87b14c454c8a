/* A domain over many ranks: split, migrate, essential tree, lists, halos, behind the table of domain.h. Receivers with
 * keys of their own are split and migrated once more, with the same covering roots: the two trees have one shape. */
#ifndef ESP_MPI_DOMAIN_H
#define ESP_MPI_DOMAIN_H

#include "tree/domain.h"

/* The esp_domain_builder for a comm of esp_comm_mpi_create with any number of ranks; the one-rank table (impl NULL)
 * goes to esp_domain_build_self. Gives the tree, order, lists and theta that one rank would. Collective. Ranks may hold
 * no particle, or all; more ranks than blocks leaves ranks that own nothing. Memory of a rank O(n_home + n / P + halo +
 * P log n). Needs PETSc initialised. Errors: those of the contract, on all ranks. */
int esp_domain_build_mpi(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                         const double *query, const int64_t *id, esp_domain **dom);

#endif
