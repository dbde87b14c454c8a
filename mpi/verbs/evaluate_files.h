/* What evaluate leaves for the report about one large cloud: a sample of predictions, the tree, the owners, the ranks. */
#ifndef ESP_EVALUATE_FILES_H
#define ESP_EVALUATE_FILES_H

#include "net/integrator.h"
#include "verbs/csv_out.h"

/* Sums over the layers of one prediction, on this rank, and the lines of layer 0's tree. Zero-initialise with run set. */
typedef struct {
  const esp_run *run;
  int sharded;
  int64_t own, ghosts, receiver_ghosts, ghost_cells, essential_rows, messages, bytes, moved, near_pairs, far_pairs;
  double split, essential, lists, halo_setup, forward;
  esp_lines tree, owners;
} esp_portrait;

/* An esp_visit of gravity layers with the portrait as context. */
int esp_portrait_layer(void *portrait, int l, esp_domain *dom, const double *key, const double *query);
/* The part of it that every kind of network has: adds a layer's domain. Local. */
void esp_portrait_domain(esp_portrait *portrait, const esp_domain *dom);
/* ranks.csv; imbalance, halo and bytes into run->json. Collective over run->comm; a cloud that was not sharded is
 * drawn by the one rank that held it (the others give nothing). */
int esp_portrait_ranks(esp_portrait *portrait);
/* And tree.csv, owners.csv. */
int esp_portrait_write(esp_portrait *portrait);
/* scatter.csv: about `most` components of D of this rank's particles spread over its home order. Collective. */
int esp_scatter_write(const esp_run *run, const esp_cloud *cloud, const double (*D)[3], int most);

#endif
