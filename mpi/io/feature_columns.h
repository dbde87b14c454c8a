/* Inside mpi/io: the columns of a feature file, shared by its writer and its reader. */
#ifndef ESP_FEATURE_COLUMNS_H
#define ESP_FEATURE_COLUMNS_H

#include <stddef.h>

#include "io/feature_file.h"

enum { ESP_COLUMN_ID, ESP_COLUMN_X, ESP_COLUMN_V, ESP_COLUMN_Y, ESP_COLUMN_WEIGHT, ESP_COLUMN_Z, ESP_FEATURE_COLUMNS };
enum { ESP_FEATURE_NAME = 32 };

typedef struct {
  const char *name, *description;
  esp_file_type type;
  size_t offset; /* of the pointer in esp_feature_set */
} esp_feature_column;
extern const esp_feature_column esp_feature_columns[ESP_FEATURE_COLUMNS];

/* "/PART/COLUMN". */
void esp_feature_name(esp_part part, const char *column, char name[ESP_FEATURE_NAME]);
/* Numbers a row of the column, 0 if it is not there (weight: 1). */
int esp_feature_width(const esp_feature_about *about, int column);
/* The column's array in a set; may be NULL. */
void *esp_feature_data(const esp_feature_set *set, int column);

#endif
