#!/usr/bin/env bash
# Strong scaling: the same cloud on more and more ranks. Time by stage, halo bytes, messages and imbalance into
# out/strong/strong.csv and a plot beside it.
#   jobscripts/scaling_strong.sh ["1 2"] [65536]         ranks, particles; inside a Slurm job srun starts the ranks
#
# The arithmetic (constants in jobscripts/arithmetic.sh; printed for every case): 65,536 particles, theta 0.7, L = 4
#   1 rank:  65,536 a rank, 0.3 GB; 3.3 s forward, 10 s the training step, 39 s the truth: 1 minute
#   2 ranks: 32,768 a rank, 0.2 GB, halo 31,000 particles = 4 MB forward, 15 MB the training step; half a minute
set -euo pipefail
# shellcheck source=jobscripts/scaling.sh
. "$(dirname "${BASH_SOURCE[0]}")/scaling.sh"
ranks_list=${1:-1 2} n=${2:-65536} layers=4
scaling_start strong
for ranks in $ranks_list; do run_case "$ranks" "$n"; done
scaling_plot "Strong scaling, $n particles"
