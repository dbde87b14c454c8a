/* Which variables of a file are coordinates, and what times and levels they hold. Local; all ranks get the same. */
#ifndef ESP_GRID_AXIS_H
#define ESP_GRID_AXIS_H

#include "io/grid/calendar.h"
#include "io/grid/file.h"

typedef enum { ESP_AXIS_NONE, ESP_AXIS_LATITUDE, ESP_AXIS_LONGITUDE, ESP_AXIS_TIME, ESP_AXIS_LEVEL, ESP_AXES } esp_axis;

/* What a variable is a coordinate of, by standard_name, units, axis and common names. Pure. */
esp_axis esp_axis_of(const esp_grid_file *file, int var);
/* The coordinate of a kind that belongs to a variable: that of one of its dimensions, then those that its attribute
 * `coordinates` names, then any whose dimensions it has; of times valid_time comes first. -1: none. Pure. */
int esp_axis_find(const esp_grid_file *file, int var, esp_axis axis);

/* Times of a file. */
typedef struct {
  int var;             /* that holds them, -1: the file tells no time */
  int dim;             /* of the file, -1: a single time */
  int64_t count;       /* 1 without a dimension */
  double start, every; /* hours since 1970-01-01 00 UTC of the calendar; between two times, 0: there is one */
  const esp_calendar *calendar;
} esp_grid_times;
/* Those of a variable. ESP_ERR_FORMAT: a unit or calendar that is not known, steps that are not equal. */
int esp_grid_times_read(const esp_grid_file *file, int var, esp_grid_times *times);

/* The level that is to be read of a variable. */
typedef struct {
  int dim;       /* place among the variable's dimensions; -1: it has none */
  int64_t index; /* along it */
  double value;  /* hPa; 0: none, or none that is a pressure */
  int assumed;   /* hPa is not stated */
} esp_grid_level;
/* wanted: key io_level, hPa; 0: the only one. ESP_ERR_CONFIG naming the levels there are, or the nearest ones;
 * ESP_ERR_FORMAT: several levels that are no pressures. */
int esp_grid_level_choose(const esp_grid_file *file, int var, double wanted, esp_grid_level *level);
/* Levels of a coordinate in hPa; *value [count] is the caller's, NULL: they are no pressures. */
int esp_grid_levels(const esp_grid_file *file, int coordinate, double **value, int64_t *count, int *assumed);

#endif
