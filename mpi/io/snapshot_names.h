/* The fields of a particle by the names that other codes give their datasets, and which of them a file has. */
#ifndef ESP_SNAPSHOT_NAMES_H
#define ESP_SNAPSHOT_NAMES_H

#include "io/file.h"
#include "io/snapshot.h"

typedef enum { ESP_FIELD_POSITION, ESP_FIELD_VELOCITY, ESP_FIELD_MASS, ESP_FIELD_ID, ESP_FIELDS } esp_field;
enum { ESP_FIELD_PATH = 64 };

/* The dataset of a field of a particle type: by the first of its names that the file has; *exists = 0: by none, path is
 * then that of the first name. Collective over the file's comm. */
int esp_snapshot_dataset(const esp_file *file, int type, esp_field field, char path[ESP_FIELD_PATH], int *exists);

/* A line more in head->note; one that does not fit is left out. Local. */
void esp_snapshot_note(esp_snapshot_header *head, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds to head->lacks what the file lacks of the types it has particles of. count: this file's, by type. By one rank.
 * ESP_ERR_FORMAT where it holds another number of places. */
int esp_snapshot_look(const esp_file *file, const int64_t *count, esp_snapshot_header *head);

/* Which types are read, of those asked for (bits; 0: all), and whether ids are places: fills head->taken and by_place, adds
 * notes. A type of all that has ids alone (tracers) is left out; ESP_ERR_CONFIG for types that the file does not know,
 * ESP_ERR_FORMAT for a dataset that is missing, naming io_types and what it may be. Pure; local. */
int esp_snapshot_choose(const char *path, const esp_snapshot_options *options, esp_snapshot_header *head);

#endif
