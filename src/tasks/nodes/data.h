/* Inside src/tasks/nodes: how sets come to be. */
#ifndef ESP_NODES_DATA_H
#define ESP_NODES_DATA_H

#include "tasks/nodes/nodes.h"

typedef enum { ESP_NODES_FILE, ESP_NODES_DRAWN } esp_nodes_of;
typedef enum {
  ESP_NODES_FEATURES_AUTO, /* words: TFIDF, numbers: STANDARD */
  ESP_NODES_FEATURES_AS_IS,
  ESP_NODES_FEATURES_TFIDF,
  ESP_NODES_FEATURES_STANDARD
} esp_nodes_features;

typedef struct {
  int of, features;         /* esp_nodes_of, esp_nodes_features */
  int train, validation;    /* nodes, where the file has no split */
  int classes, width;       /* drawn: K, numbers of a node */
  int degree;               /* drawn: edges of a node, about */
  double reach, any, noise; /* drawn: see draw.c */
  uint64_t seed;
} esp_nodes_data;

extern const esp_options esp_nodes_options;
extern const esp_making esp_nodes_making;

/* Split 1, 2, 3 of the nodes of a set that has none, stratified: of `train` and of `validation` nodes, each class its share of
 * all nodes that have a class, rounded by largest remainders, of training ones at least one; those that a hash of (seed, id) puts
 * first. A node without a class: 0. ESP_ERR_CONFIG where there are fewer nodes. Collective. */
int esp_nodes_split(const esp_comm *comm, esp_set *set, int train, int validation, uint64_t seed);
/* Weights of this part, of a set that has a split; ESP_ERR_VALUE naming a class that none of split 1 is of. Collective. */
int esp_nodes_weigh(const esp_comm *comm, esp_set *set, esp_part part);
/* Features as networks see them. Collective. ESP_ERR_VALUE for words below 0, naming the node. */
int esp_nodes_normalise(const esp_comm *comm, esp_nodes_features how, esp_set *set);
/* A set of n nodes, as yet without split and weights, this rank's share. Local. */
int esp_nodes_draw(const esp_nodes_data *data, const esp_comm *comm, int64_t n, int64_t number, esp_set *set);

#endif
