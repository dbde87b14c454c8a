/* What a pass through a network tells of itself, whatever the network is. */
#ifndef ESP_COST_H
#define ESP_COST_H

#include "tree/domain.h"

/* What it cost: this rank's share, summed over the layers. */
typedef struct {
  int64_t near_pairs, far_pairs;
  int64_t allowed; /* near pairs that the budgets of the trees allow; 0: there are none */
  double seconds_build, seconds_forward, seconds_backward;
  double theta; /* opening angle of the first layer's tree, of the last pass that was kept; 0: none was */
} esp_cost;

/* all += one, but for theta, which becomes that of `one` if it has any. Local. */
static inline void esp_cost_add(esp_cost *all, const esp_cost *one) {
  all->near_pairs += one->near_pairs;
  all->far_pairs += one->far_pairs;
  all->allowed += one->allowed;
  all->seconds_build += one->seconds_build;
  all->seconds_forward += one->seconds_forward;
  all->seconds_backward += one->seconds_backward;
  if (one->theta > 0) all->theta = one->theta;
}

/* What far cells err with, of all layers together (net/far_judge.h). err: the sums over near pairs and far cells, in
 * float64, less those over all pairs; S: the sums of weights times magnitudes. Root mean squares over receivers and channels. */
typedef struct {
  int64_t receivers; /* looked at; 0: nothing is known */
  double bound;      /* on that of err / S (net/far_error.h) */
  double rms, p99;   /* of |err| / S; that below which 99 % are, of the layer where it is largest */
  double of_sums;    /* of err, over that of the sums themselves */
  double rounding;   /* of (the device's sums less those in float64) / S */
} esp_far_record;

/* Called after the messages of layer l, before the layer is freed. dom: its tree; key [n_home][d] in home order: what the
 * messages' senders are at (positions [3] in the box; the learned keys, whatever the tree is on);
 * query: the receivers', NULL where they are the keys. Borrowed until the return, but for moving rows through dom->ops.
 * Collective where the pass is. */
typedef struct {
  int (*layer)(void *context, int l, esp_domain *dom, const double *key, const double *query);
  void *context;
} esp_visit;

#endif
