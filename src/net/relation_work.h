/* Inside the stack: what its way forward (relation_pass.c) and back (relation_back.c) share. */
#ifndef ESP_RELATION_WORK_H
#define ESP_RELATION_WORK_H

#include "net/relation_update.h"

/* Rows of one layer that its adjoint needs, beside those in the pass. */
typedef struct {
  double *key_work, *query_work; /* [n][embed hidden] */
  double *value, *offset;        /* [n][C] what is sent; offset: mlp */
} esp_relation_rows;

struct esp_relation_work {
  double *tree_key, *tree_query; /* [n][tree dim] where the tree is not built on the learned keys; with two hops the
                                    second is the last layer's key */
  double *raw;                   /* [n][D + F] [x; v] */
  double *both;                  /* [n][H + F] [s; v] */
  double *o;                     /* [n][width] */
  esp_relation_rows *rows;       /* [L] */
  esp_relation_scratch scratch;
};

typedef struct {
  const esp_relation *relation;
  const esp_backend *backend;
  const esp_dense *dense; /* the backend's device's */
  const esp_feature_set *set;
  esp_relation_pass *pass;
  int keep;
} esp_relation_walk;

/* The state before layer l > 0, or the lifted one. */
static inline double *esp_relation_lifted(const esp_relation_walk *k, int l) {
  const size_t size = (size_t)k->pass->n_home * (size_t)k->relation->slot[0].in;
  return k->pass->state + (k->keep ? (size_t)l * size : 0);
}

/* Without a lift there is one layer, on the raw features. */
static inline const double *esp_relation_state(const esp_relation_walk *k, int l) {
  return k->relation->lift < 0 ? k->set->x : esp_relation_lifted(k, l);
}

/* What the embedding of a layer sees: coordinates are those of the raw features. */
static inline const double *esp_relation_embedded(const esp_relation_walk *k, int l) {
  return k->relation->param.embedding == ESP_EMBED_COORDINATES ? k->set->x : esp_relation_state(k, l);
}

#endif
