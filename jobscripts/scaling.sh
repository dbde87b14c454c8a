# shellcheck shell=bash
# Sourced by scaling_strong.sh and scaling_weak.sh: run a case, put its figures in a line of a CSV, plot the CSV.
# In a Slurm job ranks are started by srun, else by mpirun with the variables of mpirun.env.
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
# shellcheck source=jobscripts/arithmetic.sh
. "$root/jobscripts/arithmetic.sh"

if [ -n "${SLURM_JOB_ID:-}" ]; then
  # shellcheck source=jobscripts/srun.sh
  . "$root/jobscripts/srun.sh"
fi

scaling_start() { # name of the study
  study=$1
  if [ -n "${ESPALIER_PROGRAM:-}" ]; then
    program=$ESPALIER_PROGRAM
  else
    if [ -z "${SLURM_JOB_ID:-}" ]; then espalier_packages; fi
    ESPALIER_TARGET=espalier
    espalier_build
    program=$build/mpi/espalier
  fi
  out=${ESPALIER_OUT:-$root/out/$study}
  mkdir -p "$out"
  csv=$out/$study.csv
  rm -f "$csv"
}

launch() { # ranks command...
  local ranks=$1
  shift
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    srun --ntasks="$ranks" "$@"
  else
    (espalier_mpirun_env && mpirun -n "$ranks" "$@")
  fi
}

seconds_of() { # run folder, verb: the last member of VERB.json is its own time
  grep -o '"seconds":[-+0-9.eE]*' "$1/$2.json" 2>/dev/null | tail -n 1 | cut -d: -f2
}

# One line a rank in ranks.csv -> "names" or "values": the largest over ranks of every seconds_* and memory_* column, the
# sum and the largest of every other, and max/mean of the near pairs as the imbalance
# (not of a time: the faster ranks wait within every stage).
ranks_line() { # names|values file
  awk -F, -v want="$1" '
    NR == 1 { for (i = 1; i <= NF; i++) { gsub(/[ "\r]/, "", $i); name[i] = $i }; columns = NF; next }
    NF == columns { rows++; for (i = 1; i <= NF; i++) { sum[i] += $i; if (rows == 1 || $i + 0 > max[i]) max[i] = $i + 0 } }
    END {
      imbalance = 1
      for (i = 1; i <= columns; i++) {
        if (name[i] == "rank") continue
        if (name[i] == "pairs" && sum[i] > 0) imbalance = max[i] * rows / sum[i]
        if (name[i] ~ /^(seconds|memory)/) { names = names "," name[i]; values = values "," max[i]; continue }
        names = names "," name[i] "_sum," name[i] "_max"; values = values "," sum[i] "," max[i]
      }
      print want == "names" ? names ",imbalance" : values "," imbalance
    }' "$2"
}

# run_case RANKS N: generates N bodies on RANKS ranks, one training step, one prediction; adds a line to the CSV. The truth
# takes few steps: it is not what is measured, and its check against direct sums would take most of the time.
run_case() {
  local ranks=$1 n=$2 name
  name=$study-r$ranks-n$n
  arithmetic "$n" "$ranks" "$layers" 1 2
  launch "$ranks" "$program" run "$root/inputs/million.yaml" -run_out "$out" -run_name "$name" -data_n "$n" \
    -data_test_n "$n" -net_layers "$layers" -train_steps 1 -data_truth_steps 2 -report_pictures false >"$out/$name.log" 2>&1 ||
    { tail -n 20 "$out/$name.log" >&2; die "$name failed; all of its output is in $out/$name.log"; }
  local ranks_csv=$out/$name/ranks.csv
  [ -f "$ranks_csv" ] || die "$name wrote no $ranks_csv"
  [ -f "$csv" ] || echo "ranks,n,seconds_generate,seconds_train,seconds_evaluate$(ranks_line names "$ranks_csv")" >"$csv"
  echo "$ranks,$n,$(seconds_of "$out/$name" generate),$(seconds_of "$out/$name" train),$(seconds_of "$out/$name" evaluate)$(ranks_line values "$ranks_csv")" >>"$csv"
}

scaling_plot() { # title
  if ! command -v gnuplot >/dev/null; then
    say "no gnuplot here: no plot"
  else
    gnuplot <<EOF_PLOT
set terminal svg size 900,420 font 'sans,12' background 'white'
set output '$out/$study.svg'
set datafile separator ','
set multiplot layout 1,2 title '$1' noenhanced
set xlabel 'ranks' offset 0,0.6
set key below maxcols 2
set xtics rotate by 0
stats '$csv' using 'ranks' nooutput
set xrange [0.7*STATS_min:1.4*STATS_max]
set logscale x 2
set yrange [0:*]
set offsets 0,0,graph 0.25,0
set ylabel 'seconds, slowest rank'
plot for [c in 'seconds_train seconds_split seconds_essential seconds_lists seconds_halo_setup seconds_forward'] \
  '$csv' using 'ranks':c with linespoints lw 2 pt 7 ps 0.6 title c noenhanced
set ylabel 'bytes received, largest rank / 10^6'
set y2label 'imbalance of near pairs (max/mean)'
set y2range [1:1.05<*]
set ytics nomirror
set y2tics
plot '$csv' using 'ranks':(column('bytes_max')/1e6) with linespoints lw 2 pt 7 title 'halo and migration', \
  '$csv' using 'ranks':'imbalance' axes x1y2 with linespoints lw 2 pt 5 title 'imbalance'
unset multiplot
EOF_PLOT
  fi
  say "$csv"
  column -s, -t "$csv" 2>/dev/null || cat "$csv"
  say "$out/$study.svg"
}
