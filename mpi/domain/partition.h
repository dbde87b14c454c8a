/* What a cut of the particles into any number of parts would cost, exactly, from the lists of a domain that is built on
 * the ranks at hand.
 *
 * Letters: P = parts, a part being what one rank would own; q a part; b a block of the tree, J a leaf, C a cell. A cut
 * is a part for every own slot. The lists are those of the tree whatever the cut: a particle of b receives from b
 * itself, from b's near leaves and from b's accepted cells. So
 *
 *   q needs leaf J  if it owns a particle of a block that has J near, or that J lies in; its halo particles are the
 *                   members of the leaves it needs that it does not own;
 *   q needs cell C  if it owns a particle of a block that accepts C, and does not own all of C's members.
 *
 * With receivers that have a tree of their own, a cut is a part for every own slot of each of the two trees: a particle
 * receives where its receiver's slot is owned and sends from where its sender's slot is.
 *
 * Each leaf and each cell counts once a part. With the tree's own cut for P ranks part q has the halo that rank q of P
 * would have: its halo particles are n_ghost, its halo cells the ghost and top cells that its lists accept.
 *
 * The figures of a cut are integers and the same on any number of ranks at hand. No part is ever assembled: the parts
 * that need a leaf or a cell are a set of bits on its row, joined at the row's owner by one sparse exchange for 64
 * parts. */
#ifndef ESP_MPI_PARTITION_H
#define ESP_MPI_PARTITION_H

#include <stdint.h>

#include "tree/domain.h"

/* One far cell costs about as much as three near pairs: 55 operations with second moments against 20. */
enum { ESP_PARTITION_FAR_WEIGHT = 3 };

/* Of one part. */
typedef struct {
  int64_t particles;             /* owned, as receivers */
  int64_t near_pairs, far_pairs; /* ordered pairs of its receivers, as in esp_lists */
  int64_t halo_particles, halo_cells;
} esp_partition_load;

/* Over all parts, empty ones included. Imbalance is largest over mean (1 where the mean is 0). */
typedef struct {
  double imbalance_pairs; /* of near_pairs + ESP_PARTITION_FAR_WEIGHT far_pairs */
  double imbalance_particles;
  double particles_mean, cells_mean, bytes_mean; /* halo; bytes: one transfer of each */
  int64_t particles_max, cells_max, bytes_max;
} esp_partition_cost;

/* The tree's own cut: part [n_own] = rank of P that would own the slot's block; of a tree of queries as well, whose
 * shape is the same. Local; parts >= 1. */
void esp_partition_tree(const esp_domain *dom, int parts, int *part);
/* load [parts], on every rank, of the cut part [n_own] (slot order) and, where dom->queries is given, receiver_part
 * [n_own] (receivers' slot order; NULL with one tree). Collective. Time O(n_own + lists) for 64 parts, memory O(rows
 * held + parts). No particle, empty ranks and empty parts are fine. Errors, on all ranks: ESP_ERR_ARG for parts < 1 or
 * a part outside [0, parts); memory; ESP_ERR_COMM. */
int esp_partition_count(const esp_domain *dom, int parts, const int *part, const int *receiver_part,
                        esp_partition_load *load);
/* particle_bytes, cell_bytes: of one row as it travels. Local. */
void esp_partition_summary(int parts, const esp_partition_load *load, size_t particle_bytes, size_t cell_bytes,
                           esp_partition_cost *cost);

#endif
