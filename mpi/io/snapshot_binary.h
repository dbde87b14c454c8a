/* GADGET binary formats 1 and 2, and tipsy (snapshot_tipsy.h): records by offset, each rank its own; either byte order.
 * All local.
 *
 * GADGET: Fortran records, each between two markers with its length modulo 2^32: header of 256 bytes, positions,
 * velocities (float32 or float64, told by the length), ids (32 or 64 bit), masses of the types whose table mass is 0.
 * Format 2 has a record with a name before each, and need not have ids; in format 1 two further records of whole numbers
 * may lie before the masses (GIZMO), and what else does not read as masses is refused. */
#ifndef ESP_SNAPSHOT_BINARY_H
#define ESP_SNAPSHOT_BINARY_H

#include "io/snapshot.h"

/* Is it one of these? Fills format, swap and dialect, else ESP_ERR_FORMAT saying what is allowed. */
int esp_snapshot_binary_detect(const char *path, esp_snapshot_header *head);
/* As esp_snapshot_header_hdf5, after detection. */
int esp_snapshot_header_binary(const char *path, int first, esp_snapshot_header *head, int64_t *count);
/* Rows [first, first + rows) of `type` into cloud from place `at`, as stored. count: this file's, by type. */
int esp_snapshot_read_binary(const char *path, const esp_snapshot_header *head, const int64_t *count, int type,
                             int64_t first, int64_t rows, esp_cloud *cloud, int at);

#endif
