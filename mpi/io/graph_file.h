/* Files of graphs (tree/graph.h), for graph networks and sparse matrices elsewhere. Rows are receivers, columns senders, both
 * by their place in the set (of test set s: row i of its part of the file is data.h5's i-th particle), counted from 0.
 *
 * NAME.h5, NAME.hdf5: HDF5, compressed rows (CSR), as scipy.sparse.csr_matrix((weight, indices, indptr), shape) takes them:
 *
 *   indptr    [n + 1]  int64    the edges of row i are indptr[i] .. indptr[i + 1] - 1
 *   indices   [edges]  int64    the sender; of a row nearest first, ties to the lower id
 *   weight    [edges]  float64  exp(-distance^2 / 2 scale^2), the gate's; 1 where the message has no gate
 *   distance  [edges]  float64  from the receiver's query to the sender's key in the learned space
 *   id        [n]      uint64   of the particles, in the order of rows and columns
 *
 * Attributes of /: format "espalier graph", version 1, task, network, kind "nearest" or "near lists", neighbours (0: near
 * lists), layer, dim, scale, unit (of distance and scale), rows, columns, order, weights (what they are, in words), shape [2],
 * edges, checkpoint (checksum of the parameters' bits), data (checksum of the set), checksum (of rows, senders, distances).
 *
 * NAME.mtx: Matrix Market, coordinate real general: the weights alone, counted from 1, in the same order; the attributes as
 * comments.
 *
 * The same bytes on any number of ranks that write it. */
#ifndef ESP_GRAPH_FILE_H
#define ESP_GRAPH_FILE_H

#include "base/comm.h"
#include "tree/graph.h"

typedef struct {
  const char *task, *network;
  int64_t neighbours; /* 0: near lists */
  int layer, dim;
  double scale; /* s of the gate; 0: there is none */
  uint64_t checkpoint, data, checksum;
} esp_graph_about;

/* May it be written to such a path? ESP_ERR_CONFIG naming the endings that are known. Local. */
int esp_graph_file_check(const char *path);
/* id [n_home]. Whole or absent. Collective. Errors: memory; those of io/file.h; ESP_ERR_CONFIG as above. */
int esp_graph_write(const esp_comm *comm, const char *path, const esp_graph *graph, const int64_t *id,
                    const esp_graph_about *about);
/* Weight of an edge, of which about->scale decides. Local, pure. */
double esp_graph_weight(const esp_graph_about *about, double distance);
/* Inside mpi/io: the one of Matrix Market. */
int esp_graph_write_text(const esp_comm *comm, const char *path, const esp_graph *graph, const esp_graph_about *about);

#endif
