/* What may be read from a grid: quantities, the names and units that files have for them, and the keys that choose. Local. */
#ifndef ESP_GRID_QUANTITY_H
#define ESP_GRID_QUANTITY_H

#include "io/grid/options.h"
#include "io/grid/source.h"

typedef enum {
  ESP_TEMPERATURE,  /* K */
  ESP_SPECIFIC,     /* kg/kg: water vapour to moist air */
  ESP_MIXING,       /* kg/kg: to dry air */
  ESP_DEW_POINT,    /* K */
  ESP_RELATIVE,     /* 1, over water */
  ESP_WIND_U,       /* m/s, to the east */
  ESP_WIND_V,       /* m/s, to the north */
  ESP_PRESSURE,     /* hPa, at the surface */
  ESP_ALTITUDE,     /* m, of the surface */
  ESP_GEOPOTENTIAL, /* the same, as m2/s2 over 9.80665 m/s2 */
  ESP_COSINE,       /* of the angle from east to the grid's own way along a row, where winds are along the grid */
  ESP_SINE,
  ESP_QUANTITIES
} esp_quantity;

typedef struct {
  const char *what; /* "temperature" */
  esp_unit_kind kind;
  int surface;                  /* of no level */
  const char *standard, *names; /* each between blanks */
  const char *key, *units_key;  /* NULL: none */
  size_t name, units;           /* offset of their values in esp_grid_param */
  double least, floor, most;    /* allowed; values from least to floor become floor, and are counted */
} esp_quantity_row;
extern const esp_quantity_row esp_quantity_rows[ESP_QUANTITIES];

/* What has been settled so far: the first quantity that is found brings its grid, times and kind of level. */
typedef struct {
  int settled; /* 0: space and times are still to be found */
  int has_level;
  esp_grid_space space;
  esp_grid_times times;
} esp_grid_frame;

/* The variable of a quantity: that of the key, or by standard names, then common ones, of those that lie on the grid. Its
 * level and unit are settled. source->var -1: there is none, and `why` says what was passed over (or ""). ESP_ERR_CONFIG: two
 * that serve alike, named with the key; a key that names none; units. */
int esp_quantity_choose(const esp_grid_file *file, const esp_grid_param *param, esp_quantity quantity,
                        esp_grid_frame *frame, esp_grid_source *source, char *why, size_t size);

#endif
