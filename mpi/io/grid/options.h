/* Keys of files of fields on grids. Texts may be NULL, which is "". */
#ifndef ESP_GRID_OPTIONS_H
#define ESP_GRID_OPTIONS_H

#include "base/option.h"

/* The variables that quantities are to be, the units of variables that do not state one, and what is cut out. */
typedef struct {
  const char *temperature, *humidity, *wind_u, *wind_v;        /* io_temperature ... */
  const char *units_temperature, *units_humidity, *units_wind; /* io_units_* */
  double level, pressure;                                      /* io_level, io_pressure; hPa, 0: none */
  int time; /* io_time: number of the one that is read, from 1; 0: all */
} esp_grid_param;
extern const esp_options esp_grid_options;

#endif
