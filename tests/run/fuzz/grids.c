/* Good files of fields on grids, made by the library of NetCDF: HDF5, and each classic format. Built where it is. */
#include "fuzz.h"

#include "mpi/grid_fixture.h"

void fuzz_make_grid(const char *path, int format) {
  fixture f = usual();
  f.format = (const int[]){NC_NETCDF4, 0, NC_64BIT_OFFSET, NC_64BIT_DATA}[format];
  f.dim[0].length = 0, f.records = TIMES;
  f.var[V_LEVEL].attributes = "units=hPa;standard_name=air_pressure";
  f.var[V_HEAT].attributes = "standard_name=air_temperature;units=K;scale_factor:1;add_offset:0;_FillValue:-999";
  fixture_write(path, &f);
}
