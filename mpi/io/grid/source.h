/* One variable of a grid that is read: where its times, rows and columns are among its dimensions. Local. */
#ifndef ESP_GRID_SOURCE_H
#define ESP_GRID_SOURCE_H

#include "io/grid/axis.h"
#include "io/grid/space.h"
#include "io/grid/unit.h"

typedef struct {
  int var;               /* -1: none */
  int time, row, column; /* places among its dimensions; -1: it does not have it */
  esp_grid_level level;
  esp_unit unit;
} esp_grid_source;

/* Has the variable the grid's dimensions, and else only times, levels and such of length 1? ESP_ERR_FORMAT says what it lies
 * on instead. The level is chosen by esp_grid_level_choose. */
int esp_grid_source_fit(const esp_grid_file *file, int var, const esp_grid_space *space, const esp_grid_times *times,
                        esp_grid_source *source);
/* Numbers of `times` times from number `from` on, and of rows [first, first + rows), as [times][rows][space->columns], in the unit that
 * they are to have; what does not depend on time is repeated. */
int esp_grid_source_read(const esp_grid_file *file, const esp_grid_source *source, const esp_grid_space *space,
                         int64_t from, int64_t times, int64_t first, int64_t rows, double *value);

#endif
