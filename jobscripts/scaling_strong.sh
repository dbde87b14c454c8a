#!/usr/bin/env bash
# Strong scaling: the same cloud on more and more ranks. Time by stage, halo bytes, messages and imbalance into
# out/strong/strong.csv and a plot beside it.
#   jobscripts/scaling_strong.sh ["1 2"] [32768]         ranks, particles; inside a Slurm job srun starts the ranks
#
# The arithmetic (constants in jobscripts/arithmetic.sh; printed for every case): 32,768 particles, theta 0.7, L = 4
#   1 rank:  32,768 a rank, 0.14 GiB; 0.3 s forward, 1.2 s the training step; truths are checked by direct sums
#   2 ranks: 16,384 a rank, 0.1 GiB, halo = all of the other rank, 2 MB forward, 8 MB the training step; half the time
#   seen on an idle 2-core machine with 262,144 bodies: both cases together 48 s (2026-11-21; docs/figures/scaling.md)
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/scaling.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/scaling.sh
. "$here/scaling.sh"
ranks_list=${1:-1 2} n=${2:-32768} layers=4
scaling_start strong
for ranks in $ranks_list; do run_case "$ranks" "$n"; done
scaling_plot "Strong scaling, $n particles"
