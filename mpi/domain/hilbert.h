/* Places on a Hilbert curve in any number of dimensions: an order of points that keeps near what is near, for cuts to
 * compare the tree's with.
 *
 * Method: J. Skilling, "Programming the Hilbert curve", AIP Conference Proceedings 707 (2004) 381: the cell's
 * coordinates are turned in place into the bits of its index, axis by axis in each level of the curve. */
#ifndef ESP_MPI_HILBERT_H
#define ESP_MPI_HILBERT_H

#include <stdint.h>

#include "base/comm.h"

enum { ESP_HILBERT_BITS = 53 }; /* of an index: an exact double */

/* Bits a coordinate of a cell has in `dim` dimensions (1..ESP_MAX_DIM): as many as an index can tell apart, rounded up.
 */
int esp_hilbert_bits(int dim);
/* Number of a cell along the curve; cell [dim], each in [0, 2^bits), is overwritten. Where dim bits > 53 its first 53
 * bits. Cells one after the other on the curve are neighbours. Local. */
double esp_hilbert_index(int dim, int bits, uint64_t *cell);
/* index [n_home] of the points z [n_home][dim], finite, in their common bounding box over all ranks, each axis scaled
 * to it. The same for any number of ranks. Collective. No point is fine. Errors: ESP_ERR_COMM, memory. */
int esp_hilbert_order(const esp_comm *comm, int dim, int n_home, const double *z, double *index);

#endif
