/* Where the cells of a grid are. A grid is rows of columns: latitudes and longitudes (longitude fastest), the two dimensions
 * of a curvilinear grid, or cells in no order, which are rows of one. A rank reads whole rows. Local. */
#ifndef ESP_GRID_SPACE_H
#define ESP_GRID_SPACE_H

#include "io/grid/file.h"

typedef enum { ESP_GRID_RECTILINEAR, ESP_GRID_CURVILINEAR, ESP_GRID_CELLS } esp_grid_kind;

typedef struct {
  esp_grid_kind kind;
  int lat, lon;              /* variables */
  int row_dim, column_dim;   /* of the file; column_dim -1: cells in no order */
  int64_t rows, columns;     /* that are read */
  int repeated;              /* the last column is the first one again, and is not read */
  double lat_unit, lon_unit; /* degrees a number */
} esp_grid_space;

/* That of a variable. ESP_ERR_FORMAT: it has no latitudes and longitudes, or not on the same dimensions. */
int esp_grid_space_find(const esp_grid_file *file, int var, esp_grid_space *space);
/* All longitudes of a grid of latitudes and longitudes, in degrees, those that jump by a turn (175, -180) made to go on; freed
 * by the caller. */
int esp_grid_longitudes(const esp_grid_file *file, const esp_grid_space *space, double **lon, int64_t *count);
/* "19 x 36 latitudes and longitudes". */
void esp_grid_space_tell(const esp_grid_space *space, char *text, size_t size);

/* Of the cells of rows [first, first + rows), at all of `times` times from number `from` on: */
typedef struct {
  int64_t first, rows, from, times;
  double (*place)[3]; /* on the unit sphere; NaN: nowhere, the cell is masked */
  double (*east)[2];  /* the way to the east there, its x and y (z: 0) */
  double *area;       /* any unit; NaN: not known */
  char *again;        /* 1: the place of a pole that another cell of the row stands for */
} esp_grid_places;
/* Places are freed by the caller. ESP_ERR_VALUE for a latitude or longitude that is none; ESP_ERR_FORMAT: they change with
 * time. */
int esp_grid_places_read(const esp_grid_file *file, const esp_grid_space *space, esp_grid_places *places);
void esp_grid_places_free(esp_grid_places *places);

#endif
