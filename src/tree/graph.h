/* A graph of a domain: which senders are the neighbours of each receiver, and how far away, in the space of the keys.
 * Either the nearest, however the tree lies; or all that its near lists hold. No particle is its own neighbour.
 *
 * Particles have numbers: home particle i of a rank is `first` + i, ranks' homes one after the other. A row is a receiver,
 * in the order of the numbers; its senders stand nearest first, ties in distance to the lower id. Distances are formed axis
 * by axis in float64, one rounding an operation: every number is the same bits on any number of ranks. */
#ifndef ESP_GRAPH_H
#define ESP_GRAPH_H

#include "tree/domain.h"

typedef struct {
  int64_t n, edges;      /* particles and edges in all */
  int64_t first, before; /* of the ranks below: particles, edges */
  int n_home;
  int64_t *start;   /* [n_home + 1] where the edges of a row are below, from 0 */
  int64_t *sender;  /* [start[n_home]] numbers */
  double *distance; /* [start[n_home]] */
} esp_graph;

/* Of dom, a tree of which stands at key [n_home][dim] (in its own order: any numbers are right, but then it takes long);
 * query [n_home][dim]: where receivers are, NULL: at key, the same on all ranks. The nearest k senders of each receiver, in
 * [1, n - 1] (any where n = 0), else ESP_ERR_CONFIG on all ranks. Exact: every rank looks through its own subtrees; a
 * receiver is then shown to the ranks whose senders' boxes reach nearer than what is found. Time O(k log n) a receiver where
 * the tree stands at the keys, memory O(n k / P) a rank. *graph is the caller's (esp_graph_free), also after a failure.
 * Collective over dom->comm. */
int esp_graph_nearest(esp_domain *dom, int64_t first, int dim, const double *key, const double *query, int64_t k,
                      esp_graph *graph);
/* All pairs that the near lists of dom hold: that the messages compute one by one. Likewise. */
int esp_graph_near(esp_domain *dom, int64_t first, int dim, const double *key, const double *query, esp_graph *graph);
/* Fingerprint: sum modulo 2^64 over the edges of a hash of (row, sender, distance); the same on any number of ranks.
 * Collective. */
int esp_graph_checksum(const esp_comm *comm, const esp_graph *graph, uint64_t *sum);
void esp_graph_free(esp_graph *graph);

#endif
