#!/usr/bin/env bash
# Proves that other codes' snapshots are read, whatever each calls its datasets and has or lacks: what is taken otherwise
# than the file has it is told in a line, what is refused names a key, and the same command with that key works; a
# prediction is the same bits on 1 and on 2 ranks. With the files of ESPALIER_CASES, those of other codes themselves.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

good 1 train -data_file "$ESPALIER_SOURCE/tests/golden/cloud.h5" -data_n 24 -net_layers 2 -train_steps 0
kpc=(-units_length 3.085678e21 -units_mass 1.989e43 -units_velocity 1e5)

# told WORDS FILE ARGUMENTS...: predicts on each number of `ranks`, to the same bits; WORDS, where there are any, are told
# in a line
ranks="1 2"
told() {
  local words=$1 sum= n
  shift
  for n in $ranks; do
    good "$n" predict -input "$@"
    [ "${sum:=$(json prediction_checksum)}" = "$(json prediction_checksum)" ] || fail "other bits on $n ranks: $*"
  done
  [ -z "$words" ] || grep -qF -e "$words" stdout || fail "'$words' is not told: $*"
  [ -n "$words" ] || ! grep -q '"notes"' stdout || fail "notes on nothing: $*"
  [ -z "$words" ] || tail -n 1 stdout | grep -qF '"notes":[' || fail "no notes among the results: $*"
}

spoil snapshot good.hdf5 200 good
told "" good.hdf5
plain=$(json prediction_checksum)
spoil rename good.hdf5 PartType1/Masses PartType1/Mass
spoil rename good.hdf5 PartType1/Velocities PartType1/Velocity
told "" good.hdf5
[ "$plain" = "$(json prediction_checksum)" ] || fail "other names, other bits"
spoil rename good.hdf5 PartType1/Mass PartType1/Weights
refuse "good.hdf5|PartType1/Masses is missing|MassTable[1]" 1 predict -input good.hdf5

spoil snapshot bare.hdf5 100 good
spoil delete bare.hdf5 PartType1/ParticleIDs
told "no ids (ParticleIDs) of particle type 1" bare.hdf5
spoil tracers bare.hdf5 5
told "particle type 3 has no places: its 5 particles (tracers) are left out" bare.hdf5
refuse "bare.hdf5|PartType3/Coordinates|io_types 1" 1 predict -input bare.hdf5 -io_types 1,3
told "no ids" bare.hdf5 -io_types 1

spoil snapshot twins.hdf5 100 twins
refuse "twins.hdf5|particle id 0 occurs more than once|io_ids place" 2 predict -input twins.hdf5
refuse "twins.hdf5|io_ids place" 1 generate -run_name other -data_n 8 -data_clouds 1 -input twins.hdf5
told "" twins.hdf5 -io_ids place
# those of one type are there for VTK, too, by second names
for of in Points=Coordinates PointData/Velocities=Velocities PointData/ParticleIDs=ParticleIDs PointData/Masses=Masses; do
  same "VTK's ${of%=*}" "$("$ESPALIER_FIXTURE" sum out/run/prediction.hdf5 "VTKHDF/${of%=*}")"
  same "VTK's ${of%=*}" "$("$ESPALIER_FIXTURE" sum out/run/prediction.hdf5 "PartType1/${of#*=}")"
done

# types and ids of the prediction are the snapshot's, in its order; its bytes are the same from any number of ranks
spoil snapshot typed.hdf5 90 typed
good 2 predict -input typed.hdf5
bytes=$(cksum out/run/prediction.hdf5)
told "" typed.hdf5
[ "$bytes" = "$(cksum out/run/prediction.hdf5)" ] || fail "other bytes on 1 and 2 ranks"
for t in 0 1 4; do
  for field in ParticleIDs Masses; do
    [ "$("$ESPALIER_FIXTURE" sum typed.hdf5 PartType$t/$field)" = "$("$ESPALIER_FIXTURE" sum out/run/prediction.hdf5 \
      PartType$t/$field)" ] || fail "PartType$t/$field is not the snapshot's"
  done
done
for t in 0 1 4; do
  for of in Points=Coordinates PointData/Velocities=Velocities PointData/ParticleIDs=ParticleIDs PointData/Masses=Masses; do
    same "VTK's ${of%=*} of type $t" "$("$ESPALIER_FIXTURE" sum out/run/prediction.hdf5 "VTKHDF/PartType$t/${of%=*}")"
    same "VTK's ${of%=*} of type $t" "$("$ESPALIER_FIXTURE" sum out/run/prediction.hdf5 "PartType$t/${of#*=}")"
  done
done
cp out/run/prediction.hdf5 again.hdf5
told "" again.hdf5

# other programs, where python3 (ESPALIER_PYTHON) has them, see all particles, and the units that were stated
python=${ESPALIER_PYTHON:-python3}
if "$python" -c 'import vtkmodules.vtkIOHDF' 2>/dev/null; then
  "$python" - again.hdf5 2>stderr <<'PY' || fail "VTK"
import sys
from vtkmodules.vtkIOHDF import vtkHDFReader
import vtkmodules.vtkCommonDataModel
reader = vtkHDFReader()
reader.SetFileName(sys.argv[1])
reader.Update()
types = reader.GetOutputDataObject(0)
assert types.GetNumberOfPartitionedDataSets() == 3
for k, name in enumerate(("PartType0", "PartType1", "PartType4")):
    grid = types.GetPartition(k, 0)
    assert types.GetMetaData(k).Get(types.NAME()) == name and grid.GetNumberOfPoints() == 30 and grid.GetNumberOfCells() == 1
    assert all(grid.GetPointData().HasArray(field) for field in ("Velocities", "ParticleIDs", "Masses"))
PY
  [ ! -s stderr ] || fail "VTK's reader complains"
fi
if "$python" -c 'import pynbody' 2>/dev/null; then
  "$python" -W ignore - again.hdf5 2>stderr <<'PY' || fail "pynbody"
import sys, pynbody
snapshot = pynbody.load(sys.argv[1])
assert len(snapshot) == 90 and len(snapshot.gas) == len(snapshot.dm) == len(snapshot.star) == 30
assert snapshot["pos"].units == "cm" and snapshot["mass"].units == "g"
PY
fi
if "$python" -c 'import yt' 2>/dev/null; then
  "$python" -W ignore - again.hdf5 2>stderr <<'PY' || fail "yt"
import sys, yt
yt.set_log_level(50)
stated = {"UnitLength_in_cm": 1.0, "UnitMass_in_g": 1.0, "UnitVelocity_in_cm_per_s": 1.0}
data = yt.load(sys.argv[1], unit_base=stated)
assert sum(data.particle_type_counts.values()) == 90 and ("PartType4", "Velocities") in data.field_list
PY
fi

no_parts "what was refused"
[ -d "${ESPALIER_CASES:-}/snapshots" ] || { echo "ESPALIER_CASES is not set: files of other codes are left out"; finish; }
cases=$ESPALIER_CASES/snapshots
ranks=1 # the bits of each kind are the same on 2: above, and tests/mpi/test_snapshot*
told "" "$cases/swift_bh.hdf5"
told "" "$cases/mass_velocity_names.hdf5" "${kpc[@]}"
told "particle type 3 has no places: its 50 particles" "$cases/tng_tracers.hdf5" "${kpc[@]}"
told "no ids (ParticleIDs) of particle type 1" "$cases/no_ids.hdf5" "${kpc[@]}"
told "" "$cases/six_table_one.hdf5" "${kpc[@]}"
told "its datasets are virtual" "$cases/swift_virtual/snap_0001.hdf5"
told "" "$cases/tng_cutout.hdf5" -io_periodic open
refuse "HubbleParam is 0.7|io_cosmology" 1 predict -input "$cases/g2_isolated_h07.hdf5" "${kpc[@]}"
told "" "$cases/g2_isolated_h07.hdf5" "${kpc[@]}" -io_cosmology physical
refuse "a scale factor or a time|io_cosmology" 1 predict -input "$cases/g2_isolated_t1.hdf5" "${kpc[@]}"
told "" "$cases/g2_isolated_t1.hdf5" "${kpc[@]}" -io_cosmology comoving
told "" "$cases/gizmo_units.hdf5"
refuse "units_length|3.085678e+21|1e+21" 1 predict -input "$cases/gizmo_units.hdf5" "${kpc[@]}" -units_length 1e21
refuse "a periodic box|io_periodic open" 1 predict -input "$cases/tng_cutout.hdf5"
refuse "G is 1 (tipsy|make it 43021.93|units_length 0" 1 predict -input "$cases/tipsy_dark.dat" "${kpc[@]}"
told "" "$cases/tipsy_dark.dat"
told "" "$cases/bin1_gizmo_child.dat" "${kpc[@]}"
refuse "Time of Header is nan" 1 predict -input "$ESPALIER_CASES/attack/time-nan.hdf5" "${kpc[@]}"
refuse "dup_ids.hdf5|io_ids place" 1 predict -input "$cases/dup_ids.hdf5" "${kpc[@]}"
told "" "$cases/dup_ids.hdf5" "${kpc[@]}" -io_ids place
refuse "filter 32000 (lzf)|h5repack -f NONE" 1 predict -input "$cases/lzf.hdf5" "${kpc[@]}"
refuse "layout message|HDF5 2.0 or later" 1 predict -input "$cases/hdf5_v2_latest.hdf5" "${kpc[@]}"
# nothing that is printed of them lies in memory that was given back
for file in "$cases"/*.* "$ESPALIER_CASES"/attack/info-broken-child.h5; do
  call 1 info "$file"
  [ "$rc" -lt 124 ] && ! LC_ALL=C grep -q '[^[:print:][:space:]]' stdout stderr || fail "info $file: status $rc, or strange bytes"
done
finish
