/* What evaluate leaves for the report about one set: a sample of its particles in the learned space and in the tree. */
#ifndef ESP_RELATION_PICTURES_H
#define ESP_RELATION_PICTURES_H

#include "net/relation.h"
#include "verbs/run.h"

/* cell [n_home]: heap number of the node that holds each home particle as a sender, on the level with 16 nodes (or the
 * deepest, if that is less). Collective over dom->comm. */
int esp_relation_cells(const esp_domain *dom, int64_t *cell);
/* space.csv and cells.csv of at most 4096 particles, every n-th of the set: hidden coordinates (first two, as sender),
 * the keys of layer 0 in the untrained and the trained network along their two principal axes, the first target; the
 * first two raw features and the cell. The same on any number of ranks. Collective over run->comm. */
int esp_relation_pictures_write(const esp_run *run, const esp_relation *untrained, const esp_relation *trained,
                                const esp_feature_set *set, const int64_t *cell);

#endif
