/* A file of who owns what under the tree's own cut, for other codes: every particle's place in the tree's order, and its owner
 * for each of some numbers of ranks. Plain HDF5, a row a particle, in the order of the set (of a snapshot: type after type, as
 * its file has them):
 *
 *   id     [n]     uint64
 *   slot   [n]     int64    place in the tree's order, 0 .. n - 1: each occurs once
 *   owner  [n][k]  int32    in column r the rank, of ranks[r], that owns the slot: 0 .. ranks[r] - 1, rising with the slot
 *   receiver_slot, receiver_owner   likewise where receivers have a tree of their own
 *
 * Attributes of /: format "espalier owners", version 1, task, ranks [k], dim, tree_leaf, tree_block, tree_theta, checksum
 * (16 hexadecimal digits: sum over the particles of a hash of their row).
 *
 * The same bytes on any number of ranks that write it. */
#ifndef ESP_OWNERS_H
#define ESP_OWNERS_H

#include "base/set.h"
#include "tree/domain.h"

/* The cut of dom for ranks [count], each in [1, 2^31 - 1], of the particles of `set`, home of dom; *checksum: the file's.
 * Whole or absent; O(n / P) time and memory a rank. Collective. Errors: memory; those of io/file.h; ESP_ERR_COMM. */
int esp_owners_write(const char *path, const char *task, const esp_set *set, esp_domain *dom, int count,
                     const int64_t *ranks, uint64_t *checksum);

#endif
