/* Inside the stack: what its way forward (stack_pass.c) and back (stack_back.c) share. */
#ifndef ESP_STACK_WORK_H
#define ESP_STACK_WORK_H

#include "net/stack_update.h"

/* Rows of one layer that its adjoint needs, beside those in the pass. */
typedef struct {
  double *key_work, *query_work; /* [n][embed hidden] */
  double *value, *offset;        /* [n][C] what is sent; offset: mlp */
} esp_stack_rows;

struct esp_stack_work {
  double *tree_key, *tree_query; /* [n][tree dim] where the tree is not built on the learned keys; with two hops the
                                    second is the last layer's key */
  double *raw;                   /* [n][D + F] [x; v] */
  double *both;                  /* [n][H + F] [s; v] */
  double *o;                     /* [n][width] */
  esp_stack_rows *rows;          /* [L] */
  esp_stack_scratch scratch;
};

typedef struct {
  const esp_stack *relation;
  const esp_backend *backend;
  const esp_dense *dense; /* the backend's device's */
  const esp_feature_set *set;
  esp_stack_pass *pass;
  int keep;
} esp_stack_walk;

/* The state before layer l > 0, or the lifted one. */
static inline double *esp_stack_lifted(const esp_stack_walk *k, int l) {
  const size_t size = (size_t)k->pass->n_home * (size_t)k->relation->slot[0].in;
  return k->pass->state + (k->keep ? (size_t)l * size : 0);
}

/* Without a lift there is one layer, on the raw features. */
static inline const double *esp_stack_state(const esp_stack_walk *k, int l) {
  return k->relation->lift < 0 ? k->set->x : esp_stack_lifted(k, l);
}

/* What the embedding of a layer sees: coordinates are those of the raw features. */
static inline const double *esp_stack_embedded(const esp_stack_walk *k, int l) {
  return k->relation->param.embedding == ESP_EMBED_COORDINATES ? k->set->x : esp_stack_state(k, l);
}

#endif
