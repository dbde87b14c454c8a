#!/usr/bin/env bash
# Weak scaling: the same number of particles a rank on more and more ranks. Time by stage, halo bytes, messages and
# imbalance into out/weak/weak.csv and a plot beside it.
#   jobscripts/scaling_weak.sh ["1 2"] [32768]           ranks, particles a rank; inside a Slurm job srun starts the ranks
#
# The arithmetic (constants in jobscripts/arithmetic.sh; printed for every case): 32,768 a rank, theta 0.7, L = 4
#   0.2 GB a rank; 1.6 s forward, 5 s the training step, 20 s the truth on any number of ranks, plus what log n adds to
#   the cells; halo from 2 ranks on 31,000 particles = 4 MB forward, 15 MB the training step: half a minute a case
set -euo pipefail
# shellcheck source=jobscripts/scaling.sh
. "$(dirname "${BASH_SOURCE[0]}")/scaling.sh"
ranks_list=${1:-1 2} own=${2:-32768} layers=4
scaling_start weak
for ranks in $ranks_list; do run_case "$ranks" $((own * ranks)); done
scaling_plot "Weak scaling, $own particles a rank"
