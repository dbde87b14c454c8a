/* NetCDF files: told by content, opened, written. */
#ifndef ESP_NETCDF_H
#define ESP_NETCDF_H

#include "io/formats.h"
#include "io/grid/file.h"

/* A classic file, or HDF5 with dimensions of NetCDF-4. Needs no library of NetCDF. Local, one rank. */
int esp_netcdf_is(const char *path, int *is);
/* ESP_ERR_FORMAT: a classic file whose variables, by its header, go on behind its end. Needs no library. Local. */
int esp_netcdf_check_length(const char *path);
/* ESP_ERR_FORMAT: HDF5 whose groups lie in each other, or whose dimensions have numbers that are none: the library does not
 * end, or dies of it. Local. */
int esp_netcdf_check_links(const char *path);

/* ---- netcdf.c and netcdf_write.c, or netcdf_none.c, whose functions say that this program was built without NetCDF ---- */

/* NetCDF-4 is opened by all ranks together, and read by each alone; a classic file by each rank for itself. */
int esp_netcdf_open(const esp_comm *comm, const char *path, esp_grid_file *file);
/* As esp_format: write. A CF file of cells: lat(cell), lon(cell), id(cell), a time, a level if the set has one, temperature
 * and specific humidity, in float64. */
int esp_netcdf_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
                     int compress);

#endif
