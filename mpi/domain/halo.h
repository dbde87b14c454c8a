/* The three halos of a domain, and the reverse of the cell halo.
 *
 * Each is a PetscSF star forest: roots are the owner's rows, leaves the ghost rows; indices are local, so nothing is
 * bound by global counts; the unit is a row of bytes. The covering roots of all ranks, which every rank's top cells
 * need, travel by one nonblocking all-gather beside the cells' forest, not by P^2 messages.
 *
 * esp_halo_create fixes the ghosts from the near and far lists of esp_lists_walk, fills part_first of the fetched ghost
 * leaves, and makes the transpose of the near lists (which needs the other ranks). Receivers with a tree of their own
 * change nothing here: blocks and slots a rank follow from the shape, which the two trees share. */
#ifndef ESP_MPI_HALO_H
#define ESP_MPI_HALO_H

#include <petscsf.h>

#include "domain/essential.h"
#include "domain/exchange.h"
#include "tree/domain.h"

typedef struct {
  PetscSF forest[ESP_HALO_KINDS];
  int first[ESP_HALO_KINDS];        /* first ghost row in the array */
  int ghosts[ESP_HALO_KINDS];       /* ghost rows that are filled by the forest */
  int64_t messages[ESP_HALO_KINDS]; /* other ranks this rank receives from */
  esp_row_types units;
  MPI_Op add;              /* int64 words, on rows of any length */
  int n_cover, *cover_row; /* covering roots: rows here, in the order of their owners */
  int own_cover_first, own_covers;
  int *cover_count, *cover_start; /* by rank */
  size_t cover_unit;              /* bytes a row that cover_buffer has room for */
  char *cover_buffer;             /* own roots, then all */
  MPI_Request cover_request;
} esp_halo;

/* Collective. Needs the tree with its essential rows and lists with near and far; fills tree->part_first, the transpose
 * in lists, and *n_ghost, *n_receiver_ghost particles. Errors, on all ranks: memory, ESP_ERR_COMM, ESP_ERR_LIMIT where
 * a rank would hold more than 2^31 - 1 particles. Free with esp_halo_free, also after a failure. */
int esp_halo_create(const esp_comm *comm, const esp_essential *essential, esp_tree *tree, esp_lists *lists,
                    esp_halo *halo, int *n_ghost, int *n_receiver_ghost);
/* As halo_begin and halo_end of domain.h. Collective. */
int esp_halo_begin(const esp_comm *comm, esp_halo *halo, esp_halo_kind kind, size_t unit, void *array);
int esp_halo_end(const esp_comm *comm, esp_halo *halo, esp_halo_kind kind, size_t unit, void *array);
/* As cells_reduce of domain.h. Collective. */
int esp_halo_cells_reduce(const esp_comm *comm, esp_halo *halo, const esp_tree *tree, int words, int64_t *acc);
/* As route of domain.h, of ESP_ROUTE_SOURCES, _RECEIVERS and _CELLS. Local. */
int esp_halo_route(const esp_comm *comm, const esp_halo *halo, const esp_tree *tree, esp_route_kind kind,
                   esp_route *route);
void esp_halo_free(esp_halo *halo);

#endif
