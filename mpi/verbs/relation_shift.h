/* Task upstream: what the network has found out about where the wind comes from.
 *
 * Keys depend on the place p and the displacement u of a particle, k = K_p p + K_u u + k_0 (by least squares; a linear
 * embedding is this exactly). A receiver's query q_i is nearest to the key of a sender at rest at
 * c_i = (K_p^T K_p)^-1 K_p^T (q_i - k_0). The truth is c_i = p_i - u_i + constant. */
#ifndef ESP_RELATION_SHIFT_H
#define ESP_RELATION_SHIFT_H

#include "net/relation.h"

/* slope = sum_i (c_i - p_i - mean) . (u_i - mean) / sum_i |u_i - mean|^2 over the set's particles: -1 is the truth. The
 * set: features (p, u) in two dimensions, 4 in all, else ESP_ERR_ARG; NaN where the keys do not tell all p apart (one
 * learned dimension never does). The same
 * bits on any number of ranks. Collective. */
int esp_relation_shift(const esp_comm *comm, const esp_relation *relation, const esp_feature_set *set, double *slope);

#endif
