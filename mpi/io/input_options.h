/* Keys of other codes' files: which one, in which units, and how one is written. */
#ifndef ESP_INPUT_OPTIONS_H
#define ESP_INPUT_OPTIONS_H

#include "base/option.h"
#include "io/grid/options.h"
#include "io/snapshot.h"

typedef struct {
  const char *file;  /* input */
  const char *types; /* io_types */
  int by_place;      /* io_ids: place among file, place */
  int compress;      /* io_compress */
  esp_units units;   /* units_* */
  int cosmology;     /* io_cosmology: esp_cosmology */
  int periodic;      /* io_periodic: esp_period */
  esp_grid_param grid;
} esp_input_param;
extern const esp_options esp_input_options;

#endif
