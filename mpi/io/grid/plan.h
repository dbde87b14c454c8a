/* What is read of a grid for a layout: which variable, or which others, every column comes from. Local; all ranks make the
 * same. */
#ifndef ESP_GRID_PLAN_H
#define ESP_GRID_PLAN_H

#include "io/formats.h"
#include "io/grid/quantity.h"

/* Columns that grids have, by foreign names. */
typedef enum {
  ESP_FIELD_PLACE,
  ESP_FIELD_TEMPERATURE,
  ESP_FIELD_SPECIFIC,
  ESP_FIELD_RELATIVE,
  ESP_FIELD_WIND,
  ESP_FIELD_ALTITUDE,
  ESP_FIELD_AREA,
  ESP_GRID_FIELDS
} esp_grid_field;
/* Its foreign name and width; NULL behind the last. The field of a column, ESP_GRID_FIELDS: none of grids. */
const char *esp_grid_field_name(int field, int *width);
int esp_grid_field_of(const esp_column *column);

typedef struct {
  const esp_grid_file *file;
  const esp_layout *layout;
  esp_grid_frame frame;
  esp_grid_source source[ESP_QUANTITIES];
  int width[ESP_COLUMNS];             /* of the set's columns, 0: left out */
  esp_quantity from[ESP_GRID_FIELDS]; /* the quantity that a field is, or is made of; ESP_QUANTITIES: none */
  int used[ESP_QUANTITIES];           /* some column needs it */
  int framed;                         /* some column is read at all times */
  int64_t first, times;               /* that are read: number of the first, and how many */
  double pressure;                    /* hPa, of a level or a key; 0: source[ESP_PRESSURE], if anything */
  double level;                       /* hPa; 0: none */
  int assumed;                        /* that it is in hPa */
} esp_grid_plan;

/* ESP_ERR_FORMAT: a column that grids do not know, or this one does not have, and may not be missing; those of
 * esp_quantity_choose. note: lines of what was passed over. */
int esp_grid_plan_make(const esp_grid_file *file, const esp_grid_param *param, const esp_layout *layout,
                       esp_grid_plan *plan, char *note, size_t size);
/* The first time that is read, in hours. */
double esp_grid_plan_start(const esp_grid_plan *plan);
/* One line of what is taken, but for what only the numbers tell. */
void esp_grid_plan_tell(const esp_grid_plan *plan, char *told, size_t size);

#endif
