/* The leading right singular directions of features: in which rows of all ranks together vary most, no mean taken away.
 *
 * Method: randomised subspace iteration and a Rayleigh-Ritz step (Halko, Martinsson, Tropp, "Finding structure with
 * randomness", SIAM Review 53 (2011), algorithms 4.4 and 5.1). Sums over rows are exact; what follows from them every rank does
 * by itself: the same bits on any number of ranks. */
#ifndef ESP_SINGULAR_H
#define ESP_SINGULAR_H

#include "base/comm.h"
#include "base/features.h"

/* V [D][k]: orthonormal columns, by falling singular value, each to where its largest component (the first of equal ones) is
 * positive; those behind the rank of the rows are 0. sigma [k]: their singular values; may be NULL. 1 <= k. Collective.
 * Time O(entries k) and O(D k^2); memory O(D k) and 64 MB. Errors: memory. */
int esp_singular_directions(const esp_comm *comm, const esp_features *rows, int k, uint64_t seed, double *V,
                            double *sigma);

#endif
