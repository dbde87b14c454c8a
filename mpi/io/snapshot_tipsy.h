/* Tipsy: a header of 32 (or 28) bytes, then gas, dark and star bodies of 12, 9 and 11 numbers, here types 0, 1 and 4. Numbers
 * are floats; of positions, or of positions and velocities, they may be doubles, which the size of the file tells. Bodies
 * have no ids; softenings are not taken. As the functions of snapshot_binary.h; all local. */
#ifndef ESP_SNAPSHOT_TIPSY_H
#define ESP_SNAPSHOT_TIPSY_H

#include "io/snapshot.h"
#include "io/snapshot_bytes.h"

/* Is it? start: the first 32 bytes. Fills head's tipsy_header, tipsy_width and dialect. */
int esp_snapshot_tipsy_fits(const esp_bytes *b, const unsigned char *start, int swap, esp_snapshot_header *head);
int esp_snapshot_tipsy_header(const esp_bytes *b, int first, esp_snapshot_header *head, int64_t *count);
int esp_snapshot_tipsy_read(const esp_bytes *b, const esp_snapshot_header *head, const int64_t *count, int type,
                            int64_t first, int64_t rows, esp_cloud *cloud, int at);

#endif
