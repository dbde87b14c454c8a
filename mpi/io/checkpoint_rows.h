/* Inside mpi/io: a network's structure as attributes of /, one a row of its table. */
#ifndef ESP_CHECKPOINT_ROWS_H
#define ESP_CHECKPOINT_ROWS_H

#include "base/option.h"
#include "io/file.h"

/* Every row with a flag of ESP_OF_*, by its name. Choices are words, flags 0 or 1. Collective. */
int esp_rows_write(esp_file *file, const esp_options *options, const void *param);
/* The other way; param is zeroed first. What the file does not have is the row's `absent`, or its default: an older file of a
 * network that has a key more now. Version 1: names as in the rows' `was`. ESP_ERR_FORMAT naming the attribute, what it is and what is
 * allowed. Collective. */
int esp_rows_read(esp_file *file, const esp_options *options, int64_t version, void *param);

/* Differences between what a file and a run are, in words, a line each. */
typedef struct {
  char text[4096];
  size_t length;
} esp_differences;
void esp_differences_add(esp_differences *all, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Those of the rows that a run must have in common with the file it continues from. Local. */
void esp_differences_rows(esp_differences *all, const esp_options *options, const void *in_file, const void *in_run);

#endif
