/* Inside src/tree/graph*.c: rows as they come to be, at the receivers' slots, and their way home. */
#ifndef ESP_GRAPH_WORK_H
#define ESP_GRAPH_WORK_H

#include "tree/graph.h"

/* Of a row: a sender as far as it is known. */
typedef struct {
  double distance2;
  int64_t id, number;
} esp_graph_edge;

/* A receiver, and where its home is. */
typedef struct {
  int64_t id;
  int rank, row;
} esp_graph_home;

/* Both sides of the pairs. Senders: [n_own + n_ghost], ghosts after esp_graph_ghosts. */
typedef struct {
  esp_domain *dom;
  int dim;
  double *query; /* [n_own][dim] in the order of the receivers' slots */
  esp_graph_home *home;
  double *key; /* [..][dim] in the order of the senders' slots */
  int64_t *id, *number;
} esp_graph_sides;

/* Collective; agrees. To be freed also after a failure. */
int esp_graph_sides_create(esp_domain *dom, int64_t first, int dim, const double *key, const double *query,
                           esp_graph_sides *sides);
void esp_graph_sides_free(esp_graph_sides *sides);

static inline int esp_graph_nearer(const esp_graph_edge *a, const esp_graph_edge *b) {
  return a->distance2 < b->distance2 || (a->distance2 == b->distance2 && a->id < b->id);
}
/* Squared distance, the one definition. */
static inline double esp_graph_distance2(int dim, const double *a, const double *b) {
  double sum = 0;
  for (int k = 0; k < dim; k++) {
    const double d = a[k] - b[k];
    sum += d * d;
  }
  return sum;
}

/* Rows at the slots: count [n_own] edges each; edges of a slot, in their order, into `to` [count]. Local; cannot fail. */
typedef struct {
  const int *count;
  void (*edges)(void *context, int slot, esp_graph_edge *to);
  void *context;
} esp_graph_rows;
/* Rows become the graph, where the receivers' homes are. Collective. */
int esp_graph_deliver(const esp_graph_sides *sides, const esp_graph_rows *rows, int64_t first, esp_graph *graph);

#endif
