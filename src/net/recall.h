/* Recall: does the tree bring together what belongs together? For sampled particles, the share of the `neighbours` that
 * are nearest in a reference space (the hidden coordinates) and are near pairs of the particle's block. */
#ifndef ESP_RECALL_H
#define ESP_RECALL_H

#include "tree/domain.h"
#include "tree/graph.h"

/* reference [n_home][r]: coordinates of the home particles as senders; reference_query [n_home][r]: as receivers, or NULL
 * for the same (then a particle is not its own neighbour). id [n_home]. weight [n_home]: particles of weight 0 are not
 * looked at, though they may be neighbours; NULL: all are. samples: particles looked at, drawn by id hash so
 * that they are the same on any number of ranks (at most n; all if n <= samples). dom: the tree to be judged, over these
 * home particles. Ties in distance go to the lower id. Exact: each sample is compared with all particles, O(samples n / P)
 * a rank. *recall in [0, 1]; 1 where there is nothing to find. Collective; the same bits on any number of ranks. */
int esp_recall(const esp_comm *comm, esp_domain *dom, int n_home, const int64_t *id, const double *weight, int r,
               const double *reference, const double *reference_query, int neighbours, int samples, uint64_t seed,
               double *recall);
/* The same of a graph's rows (tree/graph.h), over the same home particles: the share of the nearest in the reference space
 * that are senders of the row. Particles go by their numbers: ties to the lower, and samples are drawn by them; none is its
 * own neighbour. */
int esp_recall_rows(const esp_comm *comm, const esp_graph *graph, int r, const double *reference,
                    const double *reference_query, int neighbours, int samples, uint64_t seed, double *recall);

#endif
