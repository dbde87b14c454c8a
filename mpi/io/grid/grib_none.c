/* In place of grib.c and grib_index.c where ecCodes was not found (mpi/CMakeLists.txt). */
#include "io/grid/grib.h"

int esp_grib_open(const esp_comm *comm, const char *path, esp_grid_file *file) {
  (void)comm;
  *file = (esp_grid_file){.path = path};
  return ESP_FAIL(ESP_ERR_FORMAT,
                  "%s: GRIB, and this program was built without ecCodes: install libeccodes-dev, and build again",
                  path);
}
