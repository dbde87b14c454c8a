/* What is in a file: a snapshot of any format we read, a set file, a checkpoint, or any HDF5 file. */
#ifndef ESP_INFO_H
#define ESP_INFO_H

#include <stdio.h>

#include "base/comm.h"
#include "base/set.h"

/* The layout of the task that a word in a set file means; NULL: it is not known. */
typedef const esp_layout *(*esp_info_layout)(const char *task);

/* Rank 0 reads and prints to `out`: for a snapshot its dialect, files, counts by type, box, time, cosmology and units;
 * for a set file its task, sets, ranges and checksum (layout NULL, or a task that is not known: of what lies there), for a
 * checkpoint its network, every key of it, and its parameter table; for HDF5 then every group with its attributes and every
 * dataset with type and shape. Of datasets' numbers only those of set files and of a network's parameters are read.
 * Collective; the same code on every rank. ESP_ERR_FILE, ESP_ERR_FORMAT: missing, truncated, or of no known format. */
int esp_info_print(const esp_comm *comm, const char *path, esp_info_layout layout, FILE *out);

#endif
