/* Moves of a domain's rows in the device's memory: what dom->ops do, of arrays there (net/device.h: moves). Self domains and those
 * over ranks alike.
 *
 * A move: rows that stay are permuted, rows that leave are gathered into a buffer (main stream); the link's stream waits for
 * that, sends and receives in one group; the main stream waits for that stream and scatters what came. A halo's begin ends with the
 * group, so kernels given between begin and end run beside the transfer. Ghost rows that lie one after the other
 * are received in their place. Covering roots of all ranks' cells, which every rank gets, are a sum of integers over
 * ranks: a rank's own rows beside zeros of all others.
 *
 * What the device keeps of a domain, at dom->there: indices of rows of every pattern that was used (4 to 8 bytes a row that
 * stays, 4 a row that travels) and the buffers of rows that travel. Made, and grown, when it is needed, where ranks
 * agree; later moves of rows no longer ask the host anything. */
#ifndef ESP_CUDA_MOVES_H
#define ESP_CUDA_MOVES_H

#include "tree/domain.h"

extern const esp_domain_ops esp_cuda_moves;

#endif
