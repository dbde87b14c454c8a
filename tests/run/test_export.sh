#!/usr/bin/env bash
# Proves that data_export writes each test set to a NetCDF file, the same from new data and from a data file, on any number of
# ranks; that what cannot be written is refused before anything is made, or leaves no half of a file; and that other programs,
# where they are installed, see the cells: ncdump, and from python3 (ESPALIER_PYTHON) xarray and VTK's reader, which is ParaView's.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

keys=(-data_task weather -data_n 162 -data_clouds 0 -data_test_n 162 -data_test_clouds 2 -data_weather_days 1
  -data_weather_spin_up 0 -data_weather_sweeps 5)
call 1 generate "${keys[@]}" -run_name whole -data_export w.nc
if grep -q 'built without NetCDF' stderr; then
  [ ! -e out/whole/data.h5 ] || fail "data were made before the refusal"
  [ "$failures" -gt 0 ] && finish
  echo "skipped: built without NetCDF"
  exit 77
fi
[ "$rc" -eq 0 ] || fail "exit status $rc"
good 2 generate "${keys[@]}" -data_file "$PWD/out/whole/data.h5" -run_name again -data_export "$PWD/again.v1.nc"
for s in 0 1; do
  cmp "out/whole/w-$s.nc" "again.v1-$s.nc" || fail "set $s of the data file gives another file"
done
grep -q "\"exported\":\[\"$PWD/again.v1-0.nc\",\"$PWD/again.v1-1.nc\"\]" stdout || fail "the results do not name the files"

refuse "data_export w.nc|task gravity are no cells" 2 generate -run_name bodies -data_export w.nc
[ ! -e out/bodies/data.h5 ] || fail "data were made before the refusal"
refuse "no test sets|data_test_clouds" 1 generate "${keys[@]}" -data_test_clouds 0 -data_clouds 1 -data_export w.nc
if [ "${ESPALIER_SANITIZED:-0}" = 0 ]; then # the shim and the address sanitizer exclude each other
  before=$(cksum out/whole/w-0.nc)
  ESP_SHIM_FSIZE=60000 refuse "w-0.nc|file size limit" 2 generate "${keys[@]}" -data_file "$PWD/out/whole/data.h5" \
    -data_export "$PWD/out/whole/w.nc"
  [ "$before" = "$(cksum out/whole/w-0.nc)" ] || fail "the older file changed"
fi

if command -v ncdump >/dev/null; then
  ncdump -h out/whole/w-1.nc >header || fail "ncdump cannot read it"
  for word in 'mesh_face = 162' 'mesh_node = 320' 'double T(time, mesh_face)' ':Conventions = "CF-1.8 UGRID-1.0"'; do
    grep -qF "$word" header || fail "ncdump does not show $word"
  done
fi

python=${ESPALIER_PYTHON:-python3}
if "$python" -c 'import xarray, netCDF4' 2>/dev/null; then
  "$python" - out/whole/w-1.nc <<'PY' || fail "xarray"
import sys, numpy, xarray
data = xarray.open_dataset(sys.argv[1])
assert data["T"].dims == ("time", "mesh_face") and data["T"].shape == (5, 162)
assert data.time.values[1] - data.time.values[0] == numpy.timedelta64(6, "h")
assert abs(float(data.mesh_face_area.sum()) / (4 * numpy.pi * 6.37122e6**2) - 1) < 1e-12
PY
fi
if "$python" -c 'import vtkmodules.vtkIONetCDF' 2>/dev/null; then
  "$python" - out/whole/w-1.nc 2>/dev/null <<'PY' || fail "VTK"
import sys
from vtkmodules.vtkIONetCDF import vtkNetCDFCFReader
import vtkmodules.vtkCommonDataModel
reader = vtkNetCDFCFReader()
reader.SetFileName(sys.argv[1])
reader.UpdateTimeStep(6.0)
grid = reader.GetOutput()
assert grid.GetNumberOfCells() == 162 and grid.GetNumberOfPoints() == 320
corners = [len({grid.GetCell(i).GetPointId(k) for k in range(grid.GetCell(i).GetNumberOfPoints())}) for i in range(162)]
assert corners.count(5) == 12 and corners.count(6) == 150
assert all(grid.GetCellData().HasArray(name) for name in ("T", "q", "h", "RH", "rain", "wind_east", "wind_north"))
PY
fi
finish
