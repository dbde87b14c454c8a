#!/usr/bin/env bash
# A large atmosphere and one training step on it: a day of weather on 10 4^LEVEL + 2 cells, a frame every 6 hours, then one step
# of the network of inputs/weather-generated.yaml on the pair of frames a day apart. Time and memory of both into
# out/weather_large/large-LEVEL/*.json, and printed.
#   jobscripts/weather_large.sh [8] [2]         level, ranks; inside a Slurm job srun starts the ranks
#
# dt (75 s at level 8) and diffusion are those of the level (src/tasks/weather/climate.h).
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/scaling.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/scaling.sh
. "$here/scaling.sh"
level=${1:-8} ranks=${2:-2} cells=$((10 * 4 ** ${1:-8} + 2)) name=large-${1:-8}
scaling_start weather_large
say "$cells cells, $((72 * 2 ** level / 16)) steps of $((19200 / 2 ** level)) s on $ranks ranks"
for verb in generate train; do
  launch "$ranks" "$program" "$verb" "$root/inputs/weather-generated.yaml" -run_out "$out" -run_name "$name" \
    -data_n "$cells" -data_clouds 1 -data_test_n "$cells" -data_test_clouds 0 -data_weather_days 1 \
    -data_weather_spin_up 0 -data_weather_lead 24 -train_steps 1 >"$out/$name-$verb.log" 2>&1 ||
    { tail -n 20 "$out/$name-$verb.log" >&2; die "$verb failed; all of its output is in $out/$name-$verb.log"; }
  say "$verb: $(seconds_of "$out/$name" "$verb") s"
done
say "resident bytes a rank, training: $(grep -o '"resident_bytes_rank":[0-9]*' "$out/$name/train.json" | cut -d: -f2)"
