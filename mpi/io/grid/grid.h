/* Fields on grids, as rows of the table of formats (io/formats.h): `netcdf` and `grib`.
 *
 * What is read. A set of the given layout, whose columns are known by their foreign names, for grids CF standard names:
 *
 *   place 3              on the unit sphere, x towards longitude 0, z towards the north pole
 *   air_temperature 1    K
 *   specific_humidity 1  kg/kg     from the file, or made of mixing ratio, dew point or relative humidity (humidity.h)
 *   relative_humidity 1  1         likewise of the others; above 1 is allowed
 *   wind 3               m/s, along x, y, z: of eastward_wind and northward_wind, or of winds along a grid whose angle the
 *                        file has (COSALPHA, SINALPHA)
 *   surface_altitude 1   m
 *   cell_area 1          over the mean of all cells
 *
 * Columns that may be missing, and are, have width 0. Order: rows and columns of the file's grid, longitude fastest; cells
 * that have no value somewhere in what is read are left out; of a row at a pole one cell stands for all; so do not depend
 * on the number of ranks. An id is the place in the file's grid, from 0, all cells counted.
 *
 * Times. A file of several gives frames, if the layout has a framed column: `frames` of the set, all times of framed
 * columns in `frame`, the first in `value`. A file of one time, or of none, gives a set without frames. Numbers by name, where the
 * layout has them: `every` (h between frames, 0: a single state), `start` (h since 1970-01-01 00 UTC in the file's calendar),
 * `level` (hPa, 0: none).
 *
 * What is written is of cells: dimension cell, lat(cell), lon(cell), id(cell), a time, temperature and specific humidity.
 *
 * Each rank reads rows of its own: of NetCDF-4 and classic files nothing beyond them but what a chunk has besides; of GRIB
 * whole messages, one at a time. Errors: ESP_ERR_FILE, ESP_ERR_FORMAT (broken, cut off, nothing that fits), ESP_ERR_CONFIG
 * (a key must choose, or is wrong), ESP_ERR_VALUE (a value that its quantity cannot have; all cells masked). */
#ifndef ESP_GRID_H
#define ESP_GRID_H

#include "io/formats.h"
#include "io/grid/file.h"

extern const esp_format esp_format_netcdf, esp_format_grib;

/* Inside mpi/io/grid: `read` and `print` of a kind of file. */
int esp_grid_read(const esp_comm *comm, esp_grid_opener open, const esp_input_param *input, const esp_layout *layout,
                  esp_set *set, esp_origin *origin);
int esp_grid_print(esp_grid_opener open, const char *path, FILE *out);

#endif
