/* Where the row of an id is: entries sorted by id. Local. */
#ifndef ESP_DIRECTORY_H
#define ESP_DIRECTORY_H

#include <stdint.h>

#include "base/base.h"

typedef struct {
  int64_t id;
  int rank, row; /* who has it, and where */
} esp_directory_entry;

/* Sorts entry [n] by id. ESP_ERR_ARG naming an id that two of them have. */
int esp_directory_sort(int64_t n, esp_directory_entry *entry);
/* The entry of an id among sorted ones, NULL if there is none. Pure. */
const esp_directory_entry *esp_directory_find(int64_t n, const esp_directory_entry *entry, int64_t id);
/* What is wrong where there should have been one: ESP_ERR_ARG. */
int esp_directory_missing(int64_t id);

#endif
