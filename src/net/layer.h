/* One layer: keys -> domain -> source halo, cells -> messages -> A at home; and the way back.
 *
 * Home arrays are in the caller's order. A layer keeps its domain, source rows and cells from forward to backward
 * (O(n) each); nothing per pair. */
#ifndef ESP_LAYER_H
#define ESP_LAYER_H

#include "net/device.h"

typedef struct {
  esp_domain *dom;
  esp_source *source; /* [n_own + n_ghost] */
  esp_cell *cell;     /* [row_count] */
  double *key;        /* [n_home][dim] the tree's keys at home: whoever has seen them may free them */
  esp_gravity g;
  double seconds_build, seconds_forward, seconds_backward; /* of this rank */
} esp_layer;

typedef struct {
  esp_domain_param domain; /* lists.box gives the period, also of the message; dim 2 or 3 */
  double eps;
  int newton;
} esp_layer_param;

/* y [n_home][3], mu [n_home] (>= 0), id [n_home] -> a [n_home][3]. With a periodic box y is wrapped into it here.
 * Collective. mlp may be NULL; it is borrowed until backward. On success *layer holds what backward needs; free it with
 * esp_layer_free. n = 0 is fine. Errors: those of the builder; ESP_ERR_VALUE negative or non-finite mu, with id. */
int esp_layer_forward(const esp_backend *backend, const esp_layer_param *param, int n_home, const double (*y)[3],
                      const double *mu, const int64_t *id, const esp_mlp *mlp, double (*a)[3], esp_layer *layer);
/* gradient [n_home][3] = dLoss/dA -> dy [n_home][3] = dLoss/dy (set, not added). param_acc
 * [mlp->count][ESP_EXACT_FULL_WORDS] is added to, this rank's share (the caller sums over ranks); NULL without mlp.
 * The tree is a constant: the gradient goes through the messages only. Collective. */
int esp_layer_backward(const esp_backend *backend, esp_layer *layer, const double (*gradient)[3], double (*dy)[3],
                       int64_t *param_acc);
void esp_layer_free(esp_layer *layer);

#endif
