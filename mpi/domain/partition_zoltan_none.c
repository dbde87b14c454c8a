/* In place of partition_zoltan.c where Zoltan was not found (mpi/CMakeLists.txt). */
#include "domain/partition_zoltan.h"

#include "base/base.h"

int esp_partition_zoltan_built(void) {
  return 0;
}

int esp_partition_zoltan(const esp_comm *comm, const char *method, int parts, int dim, int n_home, const double *z,
                         int *part) {
  (void)comm, (void)parts, (void)dim, (void)n_home, (void)z, (void)part;
  return ESP_FAIL(ESP_ERR_ARG, "%s: built without Zoltan", method);
}
