/* A particle's message to itself, which the sums of net/gate.h hold: taken out at home, in float64, with its gradient.
 *
 * Rows as in net/relation_layer.h: key [n][d], query [n][d] (NULL: the key), value [n][C], offset [n][C] of the mlp
 * message. With one set of keys rho = 0 and G = 1. Local; cannot fail. */
#ifndef ESP_RELATION_SELF_H
#define ESP_RELATION_SELF_H

#include "net/gate.h"

typedef struct {
  const double *key, *query, *value, *offset;
} esp_self_rows;

/* sum [n][sum_width] -= the self term. param [param_count]. */
void esp_relation_self_forward(const esp_gate_form *form, const double *param, int n, const esp_self_rows *rows,
                               double *sum);
/* gradient [n][sum_width] = dLoss/dsum. Taken from dkey, dquery (NULL with one set of keys), dvalue, doffset (NULL
 * unless mlp), which hold the gradients of the sums with the term in. param_acc [param_count][ESP_EXACT_FULL_WORDS]:
 * one float64 term a (group of ESP_FEATURE_GROUP consecutive rows, number). */
void esp_relation_self_backward(const esp_gate_form *form, const double *param, int n, const esp_self_rows *rows,
                                const double *gradient, double *dkey, double *dquery, double *dvalue, double *doffset,
                                int64_t *param_acc);

#endif
