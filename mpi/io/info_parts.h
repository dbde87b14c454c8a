/* Inside mpi/io: what `info` says of files of ours beyond their list of objects. Local: called on one rank. */
#ifndef ESP_INFO_PARTS_H
#define ESP_INFO_PARTS_H

#include <stdio.h>

/* A feature file: origin, sizes, sets of each part, and the range of every dataset, for which all numbers are read. */
int esp_info_features(const char *path, FILE *out);
/* A learned relation's checkpoint: what it is, and the parameter table with the size of its numbers. */
int esp_info_relation(const char *path, FILE *out);

#endif
