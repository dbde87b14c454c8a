/* Snapshots whose datasets are virtual, pieced together from the parts of a split one. */
#ifndef ESP_SNAPSHOT_VIRTUAL_H
#define ESP_SNAPSHOT_VIRTUAL_H

#include <stddef.h>

#include "io/snapshot.h"

/* The file that the first virtual dataset begins with, found from the folder of `path`; "" where none is virtual. count:
 * this file's particles by type. By one rank; local. */
int esp_snapshot_first_part(const char *path, const esp_snapshot_header *head, const int64_t *count, char *part,
                            size_t size);

#endif
