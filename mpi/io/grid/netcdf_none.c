/* In place of netcdf.c and netcdf_write.c where the library was not found (mpi/CMakeLists.txt). */
#include "io/grid/netcdf.h"

#define WITHOUT "%s: NetCDF, and this program was built without it: install libnetcdf-mpi-dev, and build again"

int esp_netcdf_open(const esp_comm *comm, const char *path, esp_grid_file *file) {
  (void)comm;
  *file = (esp_grid_file){.path = path};
  return ESP_FAIL(ESP_ERR_FORMAT, WITHOUT, path);
}

int esp_netcdf_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
                     int compress) {
  (void)comm, (void)set, (void)origin, (void)time, (void)compress;
  return ESP_FAIL(ESP_ERR_FORMAT, WITHOUT, path);
}
