/* One layer of the learned relation: queries, keys and values at home -> trees -> lists -> halo -> gated messages ->
 * sums at home; and the way back.
 *
 * Home arrays are in the caller's order; with `include_self` 0 a rank's rows are whole groups (base/feature_set.h). A
 * layer keeps its domain, rows and cells from forward to backward (O(n) each); nothing per pair. The tree is a constant
 * for the gradient. With `include_self` 0 a particle's message to itself, which the sums of net/gate.h hold, is taken
 * out again at home, in float64, and so is its gradient (net/relation_self.h). */
#ifndef ESP_RELATION_LAYER_H
#define ESP_RELATION_LAYER_H

#include "net/device.h"

typedef struct {
  esp_domain_param domain; /* dim: of the tree's keys; reach and fade are set at each forward */
  esp_gate_form form;
  int include_self;
  double gate_tolerance; /* > 0: cells with G < this for all their pairs are far whatever their size; 0: theta alone.
                            Of no effect on a tree that is not built on the message's keys */
  int fade;              /* 1: the opening angle is weighed by the gate (tree/lists.h), on the same trees */
  int near_only;         /* 1: far cells are dropped, as a control */
} esp_relation_layer_param;

/* Home rows, [n_home] each. tree_key, tree_query: keys of the tree where it is not to be built on key and query (a
 * fixed tree, as a control or an oracle), [n_home][domain.dim]; else NULL, and domain.dim is d. query NULL: the
 * receivers' queries are the keys, one tree. tree_query NULL with tree_key given: one tree. Which are NULL is the same
 * on all ranks. */
typedef struct {
  const int64_t *id;
  const double *key;    /* [d] */
  const double *query;  /* [d] or NULL */
  const double *value;  /* [C] v, or w of the mlp message */
  const double *offset; /* [C] u of the mlp message, else NULL */
  const double *tree_key, *tree_query;
} esp_relation_input;

typedef struct {
  esp_domain *dom;
  esp_relation_layer_param param;
  esp_relation_input input;      /* borrowed until backward */
  const double *value;           /* message parameters, borrowed until backward */
  double *query, *source, *cell; /* rows of gate.h: receivers' slots, senders' slots, rows of the tree */
  int n_home;
  double seconds_build, seconds_forward, seconds_backward; /* of this rank */
} esp_relation_layer;

/* param_value [esp_gate_param_count]. sum [n_home][sum_width] is set. Collective. n = 0 is fine; a rank may hold
 * nothing. On success *layer holds what backward needs; free it with esp_relation_layer_free. Errors: those of the
 * builder; ESP_ERR_VALUE for a non-finite key, query, value or offset with id and column, and for a scale s that is not
 * positive and finite; ESP_ERR_CONFIG for the form, the tolerance and a period (messages know none). */
int esp_relation_layer_forward(const esp_backend *backend, const esp_relation_layer_param *param, int n_home,
                               const esp_relation_input *input, const double *param_value, double *sum,
                               esp_relation_layer *layer);
/* gradient [n_home][sum_width] = dLoss/dsum -> dkey [n_home][d], dquery [n_home][d] (NULL where query was NULL: then
 * dkey has both), dvalue [n_home][C], doffset [n_home][C] (NULL unless mlp): set, not added. param_acc
 * [param_count][ESP_EXACT_FULL_WORDS] is added to, this rank's share. normal_acc: NULL, or, where the tree's splits are
 * learned, [(2^levels - 1) d][ESP_EXACT_FULL_WORDS] to which the gradient of their normals is added (split_gradient.h;
 * nothing for mlp messages and for trees not built on the keys alone), and dkey gets its part. Collective. */
int esp_relation_layer_backward(const esp_backend *backend, esp_relation_layer *layer, const double *gradient,
                                double *dkey, double *dquery, double *dvalue, double *doffset, int64_t *param_acc,
                                int64_t *normal_acc);
void esp_relation_layer_free(esp_relation_layer *layer);

#endif
