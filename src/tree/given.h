/* Given edges: sums over the neighbours of every particle where the graph is known, beside those of a tree.
 *
 *   y_i = sum_j a_ij x_j,   a_ij of the edges of receiver i, senders j in ascending order of their number in the set
 *
 * float64, one rounding a product and a sum: the same bits on any number of ranks. A rank holds the edges of its receivers,
 * and, for the way back, those of its senders; rows of other ranks come by one exchange each way, of as many rows as there are
 * distinct neighbours elsewhere (comm->exchange_create). Nothing is stored for an edge but its ends and weight. */
#ifndef ESP_GIVEN_H
#define ESP_GIVEN_H

#include "base/comm.h"
#include "base/csr.h"

/* What becomes of the weights w_ij >= 0. SYMMETRIC: self edges of weight 1 are added and a_ij = w_ij / sqrt(D_i D_j), D the
 * sums of rows with them (Kipf, Welling, "Semi-supervised classification with graph convolutional networks", ICLR 2017). MEAN:
 * a_ij = w_ij / sum_j w_ij, 0 where a particle has no edges. */
typedef enum { ESP_GIVEN_AS_IS, ESP_GIVEN_SYMMETRIC, ESP_GIVEN_MEAN } esp_given_weights;

typedef struct {
  const esp_comm *comm;
  int n_home;
  esp_csr
      in; /* rows: own receivers; index: places in [own rows, then fetched ones], in the order of senders' numbers */
  esp_csr
      out; /* rows: own senders; index: places in [own rows, then fetched ones], in the order of receivers' numbers */
  int fetched_in, fetched_out;
  esp_exchange *senders, *receivers;
  int64_t edges; /* of all ranks, self edges that were added left out */
} esp_given;

/* edges: rows are this rank's particles, numbers first .. first + rows - 1 of n; index: numbers of the set. Collective.
 * Errors, on all ranks: ESP_ERR_VALUE naming particle and value of an index out of 0 .. n - 1, or a weight that is negative or
 * not finite; memory. */
int esp_given_create(const esp_comm *comm, int64_t n, int64_t first, const esp_csr *edges, esp_given_weights weights,
                     esp_given *given);
void esp_given_free(esp_given *given);

#endif
