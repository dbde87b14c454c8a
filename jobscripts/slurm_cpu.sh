#!/usr/bin/env bash
# One cloud shared by all ranks of a cluster: truth by tree force, training steps, a prediction, the report.
#   sbatch jobscripts/slurm_cpu.sh                 after `cmake --preset cpu && cmake --build --preset cpu` on the cluster
#   sbatch ... jobscripts/slurm_cpu.sh [-key value ...]               more keys for the program
#
# The arithmetic (constants and formulas in jobscripts/arithmetic.sh, printed again with them when the job starts):
#   n = 16,777,216 particles on P = 128 ranks (4 nodes x 32): 131,072 a rank
#   memory    131,072 x 2.8 kB + halo 77,000 x 150 B + 60 MB  = 0.44 GB a rank, 14 GB a node
#   halo      30 x 131,072^(2/3) = 77,000 particles: 10 MB a rank forward, 37 MB a training step (L = 4)
#   time      4 layers x 131,072 x 2.5 us = 1.3 s forward, x 9.2 us = 4.8 s a training step; two truths of 24 steps x
#             5.2 us: 33 s; with 10 steps and a prediction: 1.4 minutes, were it as on 2 ranks; asked for: 40
#SBATCH --job-name=espalier
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=32
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=2G
#SBATCH --time=00:40:00
#SBATCH --signal=USR1@120
#SBATCH --output=espalier-%j.out
set -euo pipefail
n=${ESPALIER_N:-16777216} layers=4 steps=${ESPALIER_STEPS:-10}
# sbatch runs a copy of this file: the source tree is where the job was given.
root=${ESPALIER_ROOT:-${SLURM_SUBMIT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}}
# shellcheck source=jobscripts/arithmetic.sh
. "$root/jobscripts/arithmetic.sh"
# shellcheck source=jobscripts/srun.sh
. "$root/jobscripts/srun.sh"
arithmetic "$n" "${SLURM_NTASKS:?start it with sbatch}" $layers "$steps"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
cd "$root"
srun --cpu-bind=cores "${ESPALIER_PROGRAM:-build/cpu/mpi/espalier}" run inputs/million.yaml -run_name "slurm-$SLURM_JOB_ID" \
  -data_n "$n" -data_test_n "$n" -net_layers $layers -train_steps "$steps" "$@"
