/* The files of one snapshot: what their headers state and how many particles of each type each holds. */
#ifndef ESP_SNAPSHOT_HEADER_H
#define ESP_SNAPSHOT_HEADER_H

#include "io/snapshot.h"

enum { ESP_SNAPSHOT_PATH = 2048 };

typedef struct {
  esp_snapshot_header head;
  char prefix[ESP_SNAPSHOT_PATH], suffix[64]; /* file k is prefix k suffix; with one file, prefix alone */
  int digits;                                 /* of k at least */
  int64_t *count;                             /* [files][types] */
} esp_snapshot_set;

/* Rank 0 reads all headers, the others are told. Collective. Freed with esp_snapshot_set_free. */
int esp_snapshot_set_open(const esp_comm *comm, const char *path, esp_snapshot_set *set);
void esp_snapshot_set_free(esp_snapshot_set *set);
/* Name of file k into path[ESP_SNAPSHOT_PATH + 96]. Local. */
void esp_snapshot_set_path(const esp_snapshot_set *set, int k, char *path);

/* One HDF5 header, by one rank. `count`: particles by type in this file. first: also what all files share. Local. */
int esp_snapshot_header_hdf5(const char *path, int first, esp_snapshot_header *head, int64_t *count);

#endif
