/* What a learned relation compares and shows. */
#ifndef ESP_RELATION_SHOW_H
#define ESP_RELATION_SHOW_H

#include "tasks/showing.h"

/* Figures nmse and, where hidden coordinates are known, recall; classical methods fitted on the training sets
 * (show_baselines.c), the trained network on other trees and other pairs (show_networks.c); pictures of the learned space
 * and of the tree's cells. */
extern const esp_showing esp_relation_showing;

typedef struct {
  int neighbours; /* that recall looks for, and of the classical method */
  int samples;    /* particles that recall looks at */
  uint64_t seed;  /* they are drawn with */
} esp_relation_show_param;

/* ---- inside this folder ---- */

extern const esp_method esp_relation_methods[];
extern const esp_picture esp_relation_pictures[];

/* Halves of the hidden coordinates of a set, as hidden_halves of net/stack.h: 1 a sender's, then a receiver's (law
 * upstream); 2 the first hop's, then the second's (twice; recall is that of the first); else 0. Local. */
int esp_relation_halves_of(const esp_set *set);

/* Classical methods, fitted on the training sets:
 *
 *   mean       the training targets' mean
 *   linear     least squares of y on (x, v)
 *   kernel     b + g sum_j exp(-|x_i - x_j|^2 / 2 s^2) v_j over all pairs in the space of the raw features (an average
 *              if the network's is one); b and g by least squares on up to four training sets, s the best of a ladder
 *              of multiples of the features' spread on one set more
 *   nearest    the same over the `neighbours` nearest in the raw features alone; ties to the lower number
 *
 * Where the data are too wide, or a training set too large, a method is left out. Results are the same bits on any
 * number of ranks. As fit, unfit and predict of showing.h. */
int esp_relation_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                     void **fitted);
void esp_relation_unfit(void **fitted);
int esp_relation_by_mean(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                         const esp_set *set, double *y, esp_cost *cost, int *use);
int esp_relation_by_linear(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use);
int esp_relation_by_kernel(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use);
int esp_relation_by_nearest(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                            const esp_set *set, double *y, esp_cost *cost, int *use);

/* look keeps of each home particle the heap number of the node that holds it as a sender, on the level with 16 nodes (or
 * the deepest, if that is less). draw: space.csv and cells.csv of at most 4096 particles, every n-th of the set: hidden
 * coordinates (first two, as sender), the keys of layer 0 in the untrained and the trained network along their two
 * principal axes, the first target; the first two raw features and that node. The same on any number of ranks. And, of the
 * law upstream, the number learned_shift. */
int esp_relation_look(const void *param, const esp_set *set, int l, esp_domain *dom, const double *key,
                      const double *query, esp_show *show);
int esp_relation_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                      const esp_backend *backend, const esp_set *set, const double *y, esp_show *show);

/* Law upstream: what a network has found out about where the wind comes from.
 *
 * Keys depend on the place p and the displacement u of a particle, k = K_p p + K_u u + k_0 (by least squares; a linear
 * embedding is this exactly). A receiver's query q_i is nearest to the key of a sender at rest at
 * c_i = (K_p^T K_p)^-1 K_p^T (q_i - k_0). The truth is c_i = p_i - u_i + constant.
 *
 * x [n_home][4]: p and u in two dimensions, whole groups; key, query [n_home][d].
 * slope = sum_i (c_i - p_i - mean) . (u_i - mean) / sum_i |u_i - mean|^2 over the particles of all ranks: -1 is the truth;
 * NAN where the keys do not tell all p apart (one learned dimension never does), 0 without particles. The same bits on any
 * number of ranks. Collective. */
int esp_upstream_shift(const esp_comm *comm, int n_home, const double *x, int d, const double *key, const double *query,
                       double *slope);

#endif
