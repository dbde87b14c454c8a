/* Inside mpi/io: what `info` says of files of ours beyond their list of objects. Local: called on one rank. */
#ifndef ESP_INFO_PARTS_H
#define ESP_INFO_PARTS_H

#include <stdio.h>

#include "io/info.h"

/* Text of a file, as it may be shown. */
void esp_info_text(FILE *out, const char *text);
/* What is refused is said, and the listing goes on: the first line of the failure at hand, which is cleared. */
void esp_info_refused(FILE *out);
/* A set file: task, sets of each part by size, range of every column and number, and its checksum, for which all numbers
 * are read. */
int esp_info_sets(const char *path, esp_info_layout layout, FILE *out);
/* A checkpoint: its network with every key and what the data said, and the parameter table with the size of its numbers. */
int esp_info_checkpoint(const char *path, FILE *out);

#endif
