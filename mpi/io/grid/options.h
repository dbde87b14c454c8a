/* Keys of files of fields on grids. Texts may be NULL, which is "". */
#ifndef ESP_GRID_OPTIONS_H
#define ESP_GRID_OPTIONS_H

#include "base/option.h"

/* What a key says of one quantity: the variable it is to be, and the unit of a variable that does not state one. */
typedef struct {
  const char *temperature, *humidity, *wind_u, *wind_v;        /* io_temperature ... */
  const char *units_temperature, *units_humidity, *units_wind; /* io_units_* */
  double level, pressure;                                      /* io_level, io_pressure; hPa, 0: none */
} esp_grid_param;
extern const esp_options esp_grid_options;

#endif
