/* The rows of the table of formats. */
#include "io/grid/grib.h"
#include "io/grid/grid.h"
#include "io/grid/netcdf.h"

static int read_netcdf(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                       esp_origin *origin) {
  return esp_grid_read(comm, esp_netcdf_open, input, layout, set, origin);
}
static int print_netcdf(const char *path, FILE *out) {
  return esp_grid_print(esp_netcdf_open, path, out);
}

const esp_format esp_format_netcdf = {"netcdf",    "NetCDF",         ".nc",       esp_netcdf_is,
                                      read_netcdf, esp_netcdf_write, print_netcdf};

static int read_grib(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                     esp_origin *origin) {
  return esp_grid_read(comm, esp_grib_open, input, layout, set, origin);
}
static int print_grib(const char *path, FILE *out) {
  return esp_grid_print(esp_grib_open, path, out);
}

/* What is made of it is written as NetCDF. */
const esp_format esp_format_grib = {"grib", "GRIB", ".nc", esp_grib_is, read_grib, esp_netcdf_write, print_grib};
