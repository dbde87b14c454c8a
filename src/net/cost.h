/* What a pass through a network tells of itself, whatever the network is. */
#ifndef ESP_COST_H
#define ESP_COST_H

#include "tree/domain.h"

/* What it cost: this rank's share, summed over the layers. */
typedef struct {
  int64_t near_pairs, far_pairs;
  double seconds_build, seconds_forward, seconds_backward;
} esp_cost;

/* Called after the messages of layer l, before the layer is freed. dom: its tree; key [n_home][d] in home order: what the
 * messages' senders are at (gravity: the keys of the tree; a relation: the learned keys, whatever the tree is on);
 * query: the receivers', NULL where they are the keys. Borrowed until the return, but for moving rows through dom->ops.
 * Collective where the pass is. */
typedef struct {
  int (*layer)(void *context, int l, esp_domain *dom, const double *key, const double *query);
  void *context;
} esp_visit;

#endif
