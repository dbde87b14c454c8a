/* What a pass through a network tells of itself, whatever the network is. */
#ifndef ESP_COST_H
#define ESP_COST_H

#include "tree/domain.h"

/* What it cost: this rank's share, summed over the layers. */
typedef struct {
  int64_t layers;
  int64_t near_pairs,
      far_pairs;   /* (receiver, sender); (receiver, cell), by multipoles (several receivers, cell), too */
  int64_t allowed; /* near pairs that the budgets of the trees allow; 0: there are none */
  int64_t owned, ghosts, ghost_cells; /* computed here; fetched */
  int64_t moved, messages, bytes;     /* owned by others than whose home they lie in; received */
  int64_t essential_rows;             /* nodes received before lists were made */
  double seconds_build, seconds_forward, seconds_backward;
  double seconds_split, seconds_essential, seconds_lists, seconds_halo_setup; /* parts of seconds_build */
  /* Of states that are solved for (net/fixed_point.h), the largest: iterations, and those of their adjoints; what was measured of
   * how they contract. 0: there are none. */
  int64_t iterations, iterations_back;
  double contraction;
  double theta; /* opening angle of the first layer's tree, of the last pass that was kept; 0: none was, or no tree */
} esp_cost;

/* all += one, but for theta, which becomes that of `one` if it has any, and what is the largest of a pass. Local. */
static inline void esp_cost_add(esp_cost *all, const esp_cost *one) {
  all->layers += one->layers;
  all->near_pairs += one->near_pairs;
  all->far_pairs += one->far_pairs;
  all->allowed += one->allowed;
  all->owned += one->owned;
  all->ghosts += one->ghosts;
  all->ghost_cells += one->ghost_cells;
  all->moved += one->moved;
  all->messages += one->messages;
  all->bytes += one->bytes;
  all->essential_rows += one->essential_rows;
  all->seconds_build += one->seconds_build;
  all->seconds_forward += one->seconds_forward;
  all->seconds_backward += one->seconds_backward;
  all->seconds_split += one->seconds_split;
  all->seconds_essential += one->seconds_essential;
  all->seconds_lists += one->seconds_lists;
  all->seconds_halo_setup += one->seconds_halo_setup;
  if (one->iterations > all->iterations) all->iterations = one->iterations;
  if (one->iterations_back > all->iterations_back) all->iterations_back = one->iterations_back;
  if (one->contraction > all->contraction) all->contraction = one->contraction;
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

/* What is looked at while a network runs. `layer` is called after the messages of layer l, before the layer is freed. dom: its tree; key [n_home][d] in home order: what the
 * messages' senders are at (positions [3] in the box; the learned keys, whatever the tree is on);
 * query: the receivers', NULL where they are the keys. Borrowed until the return, but for moving rows through dom->ops.
 * Collective where the pass is. */
typedef struct {
  int (*layer)(void *context, int l, esp_domain *dom, const double *key, const double *query);
  void *context;
  /* Before layer l, of networks that have a state between their layers: state [n_home][width], in home order, in the host's
   * memory; made whole where it is held in groups. NULL: nobody looks. */
  int (*state)(void *context, int l, int width, const double *state);
} esp_visit;

#endif
