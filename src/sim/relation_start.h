/* Feature sets with a relation that is known to whoever made them: the data of the learned tree.
 *
 *   subspace  (T1) x in R^D standard Gaussian; hidden coordinates p = P x, P [r][D] with orthonormal rows, fixed by `seed`
 *             alone; v_j Gaussian [F]. y_i = sum_{j != i} G v_j, or with average sum G v_j / (sum G + 0.3);
 *             G = exp(-|p_i - p_j|^2 / 2 h^2).
 *   circles   the same with a nonlinear map: u = P x with P [2 r][D] orthonormal, p_a = |(u_2a, u_2a+1)|: the radius in
 *             each of r hidden planes. No linear embedding brings together what is on one circle.
 *   upstream  (T2) D = 4: place p uniform in the unit square, displacement u with random direction, |u| uniform in
 *             [0.2, 0.4]; v_j Gaussian: the field. y_i = sum_j G v_j / (sum_j G + 0.3), the own point included,
 *             G = exp(-|p_j - (p_i - u_i)|^2 / 2 h^2). weight 0 where p - u is off the square. Hidden coordinates as sender: p;
 *             as receiver: p - u (z has both: [4]).
 *
 * Everything is drawn by (seed, draw, id), so a particle is the same whoever makes it. Truth: direct sum in float64 for
 * n <= ESP_RELATION_DIRECT; above, the same sum over a tree in the hidden space with gates below 1e-12 taken cell by
 * cell: an error far below 1e-9 of the target's size (tested). */
#ifndef ESP_RELATION_START_H
#define ESP_RELATION_START_H

#include "base/feature_set.h"
#include "net/relation_layer.h"

enum { ESP_RELATION_DIRECT = 8192 };

typedef enum { ESP_RELATION_SUBSPACE, ESP_RELATION_CIRCLES, ESP_RELATION_UPSTREAM } esp_relation_kind;
const char *esp_relation_kind_name(esp_relation_kind kind); /* "subspace", "circles", "upstream" */

typedef struct {
  esp_relation_kind kind;
  int64_t n;
  int features, hidden, values; /* D, r, F (upstream: 4, 2, F; targets T = F) */
  double h;
  int average;
  uint64_t seed; /* of the hidden map: the same for all draws of one run */
  int64_t draw;  /* number of this set; no two of one run are alike */
  int truth;     /* 1: with targets */
} esp_relation_start;

/* This rank's share (esp_feature_share) of the set. Checks the numbers (ESP_ERR_CONFIG naming value and range: D >= r, 2 r
 * for circles). backend: for the tree truth; its ops are replaced by float64. Collective over backend->comm; with the
 * one-rank table: the whole set. The same bits for any number of ranks. *set is the caller's. */
int esp_relation_make(const esp_gate_backend *backend, const esp_relation_start *start, esp_feature_set *set);

#endif
