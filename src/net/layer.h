/* One layer, whatever the message: home rows -> trees -> lists -> halo -> near pairs and far cells -> sums at home; and the
 * way back.
 *
 * Cells of a message that fades are judged by their size against its scale (esp_rule_size), whatever the tree stands on:
 * by how its nodes lie among the keys.
 *
 * Home arrays are in the caller's order; where a particle's message to itself is taken out, a rank's rows are whole groups
 * (base/set.h). A layer keeps its domain, rows and cells from forward to backward (O(n) each); nothing per pair. The tree
 * is a constant for the gradient: it goes through the messages only. */
#ifndef ESP_LAYER_H
#define ESP_LAYER_H

#include "net/cost.h"
#include "net/device.h"

typedef struct {
  esp_domain_param
      domain; /* dim: of the tree's keys. The period is the form's; the rule, and the form's unit, are set at each forward */
  esp_form form;
  int include_self; /* of messages that a particle would hear from itself: 0: it is taken out */
  int near_only;    /* 1: far cells are dropped, as a control */
} esp_layer_param;

/* Home rows, [n_home] each; a source row is [key; value], a query row [query; offset] (message/message.h). With a period
 * keys lie in it. tree_key, tree_query: keys of the tree where it is not to be built on key and query (a fixed tree, as a
 * control or an oracle), [n_home][domain.dim]; else NULL, and the tree stands on the first domain.dim numbers of the keys.
 * query NULL: the queries are the keys, one tree. tree_query NULL with tree_key given: one tree, or, with queries, two of the same order. Which are NULL is the
 * same on all ranks. */
typedef struct {
  const int64_t *id;
  const double *key;    /* [d] */
  const double *query;  /* [d] or NULL */
  const double *value;  /* [source - d] what is said */
  const double *offset; /* [query - d] what a receiver brings along; NULL where that is nothing */
  const double *tree_key, *tree_query;
  int there; /* 1: key, query, value and offset lie in the device's memory, and so do the sums; 0: in the host's */
} esp_layer_input;

/* Where gradients go, shaped as the input, in the same memory: each is set. NULL where the input is NULL, or has no gradient. query NULL: dkey
 * has both. NULL, too, where nobody asks: with neither dkey nor dquery keys are constants, and so are the parameters, whose gradient is not
 * computed; without dvalue what is said is. Messages that know of it spare the work (message/kernels.h). */
typedef struct {
  double *dkey, *dquery, *dvalue, *doffset;
} esp_layer_gradient;

/* What a layer works on, in one memory: its input, and the rows made of it. */
typedef struct {
  esp_layer_input in;
  double *query, *source, *cell; /* rows: receivers' slots, senders' slots, rows of the tree */
} esp_layer_rows;

typedef struct {
  esp_domain *dom;
  int borrowed;         /* 1: the domain is somebody else's */
  int64_t bytes_before; /* what had come through its halos */
  esp_layer_param param;
  esp_widths width;
  const double *message; /* the message's parameters, in the host's memory; borrowed until backward */
  const esp_device *device;
  /* In the device's memory, with the parameters; and in the host's, after esp_layer_fetch. Where the two memories are one
   * they are the same rows. Inputs are borrowed until backward, or copies. */
  esp_layer_rows there, host;
  double *learned;
  int n_home;
  double seconds_build, seconds_forward, seconds_backward; /* of this rank */
} esp_layer;

/* message [width.param] (NULL if that is 0). sum [n_home][width.sum] is set. Collective. n = 0 is fine; a rank may hold
 * nothing. On success *layer holds what backward needs; free it with esp_layer_free. Errors: those of the builder;
 * ESP_ERR_VALUE for a key, query, value or offset that is not finite, with id and column; what the message does not
 * admit; ESP_ERR_CONFIG for the form, and a message that the device does not know. */
int esp_layer_forward(const esp_backend *backend, const esp_layer_param *param, int n_home,
                      const esp_layer_input *input, const double *message, double *sum, esp_layer *layer);
/* The same over a domain that stands, made for these keys with this param; it stays the caller's, and must stand until backward. Trees of the
 * input are of no effect. Collective; errors as above. */
int esp_layer_over(const esp_backend *backend, esp_domain *dom, const esp_layer_param *param, int n_home,
                   const esp_layer_input *input, const double *message, double *sum, esp_layer *layer);
/* The same with other keys, values and offsets, over the domain of a layer that stands, whose lists were made for the keys it began
 * with: what it holds is then of these. Trees of the input are of no effect. Collective; errors as above, and then
 * the layer is freed. */
int esp_layer_again(const esp_backend *backend, int n_home, const esp_layer_input *input, const double *message,
                    double *sum, esp_layer *layer);
/* The sums of another message over a domain that stands, pair by pair and cell by cell as its lists have them; what particles
 * hear from themselves stays in. Trees of the input are of no effect. Collective; errors as above. */
int esp_layer_hear(const esp_backend *backend, esp_domain *dom, const esp_form *form, int n_home,
                   const esp_layer_input *input, const double *message, double *sum);
/* dsum [n_home][width.sum] = dLoss/dsum -> gradient; dsum and param_acc are where the input is. param_acc [width.param][ESP_EXACT_FULL_WORDS] is added to, this rank's
 * share (the caller sums over ranks); NULL if width.param is 0. normal_acc: NULL, or, where the tree's splits are learned,
 * [(2^levels - 1) d][ESP_EXACT_FULL_WORDS], in the host's memory, to which the gradient of their normals is added (split_gradient.h; nothing for
 * messages that do not weigh their pairs, and for trees not built on the keys alone), and dkey gets its part. Collective. */
int esp_layer_backward(const esp_backend *backend, esp_layer *layer, const double *dsum,
                       const esp_layer_gradient *gradient, int64_t *param_acc, int64_t *normal_acc);
void esp_layer_free(esp_layer *layer);
/* Adds what its forward pass took. Local. */
void esp_layer_count(const esp_layer *layer, esp_cost *cost);
/* The layer as kernels see it, in the device's memory; and in the host's, after esp_layer_fetch. Local. */
esp_pairs esp_layer_pairs(const esp_layer *layer);
esp_pairs esp_layer_host_pairs(const esp_layer *layer);
/* Brings the layer's rows to the host's memory: layer->host. Nothing where they are there. Local. Errors: memory, and those
 * of the device. */
int esp_layer_fetch(esp_layer *layer);

#endif
