/* Inside this folder: a few particles of a set, drawn to be scored alone. */
#ifndef ESP_RELATION_SAMPLE_H
#define ESP_RELATION_SAMPLE_H

#include "base/feature_set.h"

/* Of the particles of weight other than 0, those with the k least numbers drawn by (seed, id) keep their weight (all of
 * them where there are no more; k + 1 where two of the 64-bit numbers are alike); the others' becomes 0. So a sample of
 * k is part of one of k + 1, and the same on any number of ranks. Collective; k >= 1; set->weight must be there where
 * n_home > 0. */
int esp_relation_sample(const esp_comm *comm, uint64_t seed, int64_t k, esp_feature_set *set);

#endif
