/* The files of one snapshot by their names: one, or parts name.K.hdf5 or name.K, whose numbers may have leading zeros.
 * Looks at the file system; by one rank; local. */
#ifndef ESP_SNAPSHOT_FILES_H
#define ESP_SNAPSHOT_FILES_H

#include <stddef.h>

#include "io/snapshot_header.h"

/* The name as given, or the first part of the snapshot of that name, into path[size]. ESP_ERR_FILE. */
int esp_snapshot_find_file(const char *given, char *path, size_t size);
/* From the name of a part to those of all: fills prefix, suffix and digits; 0: the name has no number. */
int esp_snapshot_split_name(const char *path, esp_snapshot_set *set);

#endif
