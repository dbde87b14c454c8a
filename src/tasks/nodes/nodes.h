/* The task `nodes`: classes of the nodes of a graph, few of which are known. The graph is given, or found from the nodes'
 * features, or there are both.
 *
 * All nodes' features and edges are seen; labels of some are learned from (split 1), of some choose among the steps of the
 * training (2), of some judge (3), of the rest nobody hears (0). Training and test are the same nodes and edges, and differ in the
 * weight alone: 1 where split is 1, and where it is 3. A node without a class (its targets are all 0) has split 0.
 *
 * Data. From a file (key `input`): HDF5 of the names that public copies of Planetoid sets use, or a graph in Matrix Market; or
 * drawn (data_nodes_of: drawn): K classes on a ring of places, features that are noisy about their class's, edges to
 * nodes near in place and to any, by data_nodes_*: of any size, each rank its own share.
 *
 * Features, as networks see them (data_nodes_features): words of 0 or more become tf-idf rows of norm 1: count times
 * ln(n / nodes that have it), over the row's norm; numbers are standardised over all nodes. A row of zeros stays one. */
#ifndef ESP_NODES_H
#define ESP_NODES_H

#include "tasks/task.h"

extern const esp_task esp_task_nodes;

/* Columns. */
enum {
  ESP_NODES_X,     /* dense INPUT, optional: D numbers */
  ESP_NODES_WORDS, /* sparse INPUT, optional */
  ESP_NODES_EDGES, /* EDGES, EXTRA, optional: both directions stand in it where the graph has none */
  ESP_NODES_CLASS, /* TARGET, K numbers: 1 at the class */
  ESP_NODES_WEIGHT,
  ESP_NODES_VALIDATION, /* VALIDATION: 1 where split is 2 */
  ESP_NODES_SPLIT       /* EXTRA, 0 to 3 */
};
extern const esp_layout esp_nodes_layout;

#endif
