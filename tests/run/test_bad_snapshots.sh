#!/usr/bin/env bash
# Proves that spoilt snapshots are refused by predict and partition with the file, the place in it and what is allowed,
# on several ranks; that few particles, zero masses and fewer particles than ranks work; and that an earlier prediction
# stays as it was when a later one fails.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

good 2 run -data_n 24 -data_clouds 4 -data_test_n 24 -data_test_clouds 2 -net_layers 2 -train_batch 2 -train_steps 2 \
  -tree_leaf 4 -tree_block 8
spoil snapshot good.hdf5 200 good
good 2 predict -input good.hdf5
prediction=out/run/prediction.hdf5
before=$(cksum "$prediction" out/run/checkpoint.h5)

refuse "eval_set 9|2 test sets" 2 predict -eval_set 9
refuse "data_task relation|input" 2 predict -input good.hdf5 -data_task relation
refuse "gone.hdf5|No such file" 2 predict -input gone.hdf5
head -c 500 /dev/urandom >noise
refuse "noise" 2 predict -input noise
refuse "out/run/data.h5|no snapshot|Header" 2 predict -input out/run/data.h5
refuse "io_types|particle types '7x'" 2 predict -input good.hdf5 -io_types 7x
refuse "good.hdf5|particle type" 2 predict -input good.hdf5 -io_types 9
refuse "good.hdf5|no particle" 2 predict -input good.hdf5 -io_types 0
head -c 9000 good.hdf5 >cut.hdf5
refuse "cut.hdf5" 2 predict -input cut.hdf5
refuse "cut.hdf5" 2 partition -input cut.hdf5
refuse "cut.hdf5" 2 info cut.hdf5

# spoilt WORDS COMMAND ARGUMENTS...: the snapshot with one thing wrong
spoilt() {
  local words=$1 command=$2
  shift 2
  cp good.hdf5 bad.hdf5
  spoil "$command" bad.hdf5 "$@"
  refuse "bad.hdf5|$words" 2 predict -input bad.hdf5
}
spoilt "Header is missing" delete Header
spoilt "PartType1/Coordinates" delete PartType1/Coordinates
spoilt "PartType1/Masses|MassTable" delete PartType1/Masses
spoilt "PartType1/Coordinates|rank" flatten PartType1/Coordinates
spoilt "PartType1/Velocities" retype PartType1/Velocities
spoilt "particle 934|position along y is nan|finite" set PartType1/Coordinates 400 nan
spoilt "position along x is inf|finite" set PartType1/Coordinates 0 inf
spoilt "velocity along z is nan|finite" set PartType1/Velocities 599 nan
spoilt "mass is -2|not negative" set PartType1/Masses 7 -2
spoilt "id|10" set PartType1/ParticleIDs 199 10
for ranks in 1 3; do
  for kind in twins point massless; do
    spoil snapshot "$kind.hdf5" 60 "$kind"
    refuse "$kind.hdf5" "$ranks" predict -input "$kind.hdf5"
  done
done
refuse "twins.hdf5|id" 2 partition -input twins.hdf5
refuse "massless.hdf5|total mass|0" 2 partition -input massless.hdf5
for n in 0 1; do
  spoil snapshot few.hdf5 $n good
  refuse "few.hdf5|particle" 2 predict -input few.hdf5
done
# counts: no sum wraps, none is taken before the file can hold it
cp good.hdf5 wrap.hdf5 # particles of four more types, 2^64 of them
for type in 2 3 4 5; do
  for name in NumPart_ThisFile NumPart_Total; do spoil header wrap.hdf5 $name $type 4611686018427387904; done
done
for verb in predict partition; do refuse "wrap.hdf5|particles of types|2^63 - 1" 1 $verb -input wrap.hdf5; done
cp good.hdf5 claim.hdf5
for name in NumPart_ThisFile NumPart_Total; do spoil header claim.hdf5 $name 1 100000000000; done
refuse "PartType1/Coordinates has 200 rows, should have 100000000000" 1 partition -input claim.hdf5
cp good.hdf5 many.0.hdf5
spoil header many.0.hdf5 NumFilesPerSnapshot 0 9999999
refuse "many.9999998.hdf5|No such file|9999999 files" 1 partition -input many.0.hdf5
# what values mean: refused where the header leaves it open, and read once the key is given that the message names
# asked WORDS KEY VALUE NAME NUMBER...: attributes of Header or Parameters
asked() {
  local words=$1 key=$2 value=$3 first
  shift 3
  cp good.hdf5 asked.hdf5
  while [ $# -gt 1 ]; do spoil number asked.hdf5 Header "$1" "$2"; shift 2; done
  refuse "asked.hdf5|$key|$value|$words" 2 predict -input asked.hdf5
  good 1 predict -run_name asked -eval_checkpoint out/run/checkpoint.h5 -input asked.hdf5 "-$key" "$value"
  first=$(json prediction_checksum)
  good 2 predict -run_name asked -eval_checkpoint out/run/checkpoint.h5 -input asked.hdf5 "-$key" "$value"
  [ -n "$first" ] && [ "$first" = "$(json prediction_checksum)" ] || fail "1 and 2 ranks differ: $key $value"
}
asked "HubbleParam is 0.7" io_cosmology physical Time 0.14 Redshift 0 Omega0 0 HubbleParam 0.7
asked "a scale factor or a time" io_cosmology comoving Time 1 Redshift 0 Omega0 0.3 HubbleParam 0.7
asked "a periodic box" io_periodic open Time 0.5 Redshift 1 Omega0 0.3 HubbleParam 0.7 BoxSize 75
# horizon and softening in the file's units, told with what was converted
grep -q "asked.hdf5: comoving, a = 0.5, h = 0.7: lengths x 0.714" stdout || fail "predict does not tell what was converted"
sum=
for ranks in 1 2; do
  good $ranks predict -run_name asked -eval_checkpoint out/run/checkpoint.h5 -input good.hdf5 -data_horizon 0.25 \
    -data_softening 0.125
  grep -q "good.hdf5: .*; horizon 0.25 length / velocity (0.25 s), .* times their own, softening 0.125 length (0.125 cm)" stdout ||
    fail "predict does not tell horizon and softening"
  [ "$(json horizon)" = 0.25 ] || fail "horizon $(json horizon), asked for 0.25"
  [ "${sum:=$(json prediction_checksum)}" = "$(json prediction_checksum)" ] || fail "1 and 2 ranks differ: data_horizon"
done
spoilt "Time of Header is nan" number Header Time nan
spoilt "BoxSize of Header is nan" number Header BoxSize nan
spoilt "UnitMass_in_g of Header is inf" number Header UnitMass_in_g inf
[ "$before" = "$(cksum "$prediction" out/run/checkpoint.h5)" ] || fail "a refused prediction changed an older file"

spoil snapshot five.hdf5 5 good
spoil set five.hdf5 PartType1/Masses 0 0
good 1 predict -input five.hdf5
good 7 predict -input five.hdf5
good 3 partition -input five.hdf5
cut=$(tail -n 1 out/run/partition.csv)
# a task of bodies whose own are made elsewhere: cut they can be, predicted not
good 2 partition -input five.hdf5 -data_task box
[ "$cut" = "$(tail -n 1 out/run/partition.csv)" ] || fail "task box cuts otherwise"
refuse "input with data_task box|gravity" 1 predict -input five.hdf5 -data_task box
refuse "input with data_task relation|gravity, box" 1 partition -input five.hdf5 -data_task relation
# no step to make: the checkpoint is the untrained network
good 2 train -run_name start -data_file out/run/data.h5 -net_layers 2 -train_steps 0
good 3 predict -run_name start -input five.hdf5
no_parts "what worked"
finish
