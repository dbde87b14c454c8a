#!/usr/bin/env bash
# Weak scaling: the same number of particles a rank on more and more ranks. Time by stage, halo bytes, messages and
# imbalance into out/weak/weak.csv and a plot beside it.
#   jobscripts/scaling_weak.sh ["1 2"] [16384]           ranks, particles a rank; inside a Slurm job srun starts the ranks
#
# The arithmetic (constants in jobscripts/arithmetic.sh; printed for every case): 16,384 a rank, theta 0.7, L = 4
#   0.1 GiB a rank; 0.2 s forward, 0.6 s the training step, on any number of ranks while the near pairs of a particle
#   stay what they are (in clustered clouds they do not: docs/figures/scaling.md)
#   halo on 2 ranks = all of the other rank, 2 MB forward, 8 MB the training step
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/scaling.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/scaling.sh
. "$here/scaling.sh"
ranks_list=${1:-1 2} own=${2:-16384} layers=4
scaling_start weak
for ranks in $ranks_list; do run_case "$ranks" $((own * ranks)); done
scaling_plot "Weak scaling, $own particles a rank"
