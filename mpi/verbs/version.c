#include "verbs/version.h"

#include <string.h>

#include <hdf5.h>
#include <petscsys.h>

#include "verbs/commit.h"
#include "io/ugrid.h"
#include "lib/espalier.h"
#include "net/device.h"

void esp_version(char *text, size_t size) {
  snprintf(text, size, "espalier %s, commit %s", ESPALIER_VERSION, ESP_COMMIT);
}

void esp_version_processor(char *text, size_t size) {
  char line[512];
  FILE *info = fopen("/proc/cpuinfo", "r");
  snprintf(text, size, "unknown processor");
  while (info && fgets(line, sizeof line, info)) {
    const char *name = strchr(line, ':');
    if (strncmp(line, "model name", 10) || !name) continue;
    snprintf(text, size, "%.*s", (int)strcspn(name + 2, "\n"), name + 2);
    break;
  }
  if (info) fclose(info);
}

/* Why a row cannot be had here is what `open` says; where it can, the device is taken, which does not matter any more. */
static void print_devices(FILE *to) {
  for (int d = 0; esp_devices[d]; d++) {
    const esp_device *device = esp_devices[d];
    const int there = !device->open || device->open(0, 1) == ESP_OK;
    fprintf(to, "%s%s%s", d ? ", " : "devices    ", device->name, there ? "" : " (none on this machine)");
    esp_error_clear();
  }
  fputs("\n", to);
}

void esp_version_print(FILE *to) {
  char text[512];
  unsigned major, minor, release;
  int length;
  esp_version(text, sizeof text);
  fprintf(to, "%s\n", text);
  fprintf(to, "compiler   %s, for %s\n", __VERSION__, ESP_ARCHITECTURE);
  esp_version_processor(text, sizeof text);
  fprintf(to, "processor  %s\n", text);
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
  MPI_Get_library_version(mpi, &length);
  fprintf(to, "MPI        %.*s\n", (int)strcspn(mpi, ",\n"), mpi);
  fprintf(to, "PETSc      %d.%d.%d\n", PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR);
  H5get_libversion(&major, &minor, &release);
  fprintf(to, "HDF5       %u.%u.%u\n", major, minor, release);
  fprintf(to, "NetCDF     %s\n", esp_ugrid_built() ? "yes" : "no");
  print_devices(to);
}
