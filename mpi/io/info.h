/* What is in a file: a snapshot of any format we read, or any HDF5 file. */
#ifndef ESP_INFO_H
#define ESP_INFO_H

#include <stdio.h>

#include <mpi.h>

#include "base/comm.h"

/* Rank 0 reads and prints to `out`: for a snapshot its dialect, files, counts by type, box, time, cosmology and units;
 * for HDF5 then every group with its attributes and every dataset with type and shape. The numbers of datasets are not
 * read. Collective; the same code on every rank. mpi: the communicator of comm. ESP_ERR_FILE, ESP_ERR_FORMAT: missing,
 * truncated, or of no known format. */
int esp_info_print(const esp_comm *comm, MPI_Comm mpi, const char *path, FILE *out);

#endif
