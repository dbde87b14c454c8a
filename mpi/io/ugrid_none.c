/* In place of ugrid.c where parallel NetCDF was not found (mpi/CMakeLists.txt). */
#include "io/ugrid.h"

int esp_ugrid_built(void) {
  return 0;
}

int esp_ugrid_write(const esp_set_file *file, esp_part part, int s, const esp_set *set, const esp_outlines *all,
                    const char *path) {
  (void)file, (void)part, (void)s, (void)set, (void)all;
  return ESP_FAIL(ESP_ERR_CONFIG, "%s: built without NetCDF", path);
}
