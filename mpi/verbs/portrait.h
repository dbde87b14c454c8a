/* What one prediction cost each rank: halo, messages, pairs, time by stage. */
#ifndef ESP_PORTRAIT_H
#define ESP_PORTRAIT_H

#include "tree/domain.h"
#include "verbs/run.h"

/* Sums over the layers of one prediction, on this rank. Zero-initialise with shared set. */
typedef struct {
  int shared; /* 0: the set lay whole on one rank, the others have nothing to tell */
  int64_t own, ghosts, ghost_cells, essential_rows, messages, bytes, moved, near_pairs, far_pairs;
  double split, essential, lists, halo_setup, forward;
} esp_portrait;

/* Adds a layer's domain, before anything else is moved through it. Local. */
void esp_portrait_domain(esp_portrait *portrait, const esp_domain *dom);
/* ranks.csv; imbalance, halo and bytes into run->json. Collective over run->comm. */
int esp_portrait_write(const esp_portrait *portrait, const esp_run *run);

#endif
