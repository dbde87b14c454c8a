/* What is in a file: a snapshot of any format we read, a feature file, a checkpoint, or any HDF5 file. */
#ifndef ESP_INFO_H
#define ESP_INFO_H

#include <stdio.h>

#include <mpi.h>

#include "base/comm.h"

/* Rank 0 reads and prints to `out`: for a snapshot its dialect, files, counts by type, box, time, cosmology and units;
 * for a feature file its origin, sets and ranges, for a learned relation's checkpoint what it is and its parameter table;
 * for HDF5 then every group with its attributes and every dataset with type and shape. Of datasets' numbers only those of
 * feature files and of a relation's parameters are read. Collective; the same code on every rank. mpi: the communicator of comm. ESP_ERR_FILE, ESP_ERR_FORMAT: missing,
 * truncated, or of no known format. */
int esp_info_print(const esp_comm *comm, MPI_Comm mpi, const char *path, FILE *out);

#endif
