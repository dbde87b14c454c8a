#!/usr/bin/env bash
# One rank a GPU. First the device tests (skipped rows mean that no device is seen), then one shared cloud.
#   sbatch jobscripts/slurm_gpu.sh                 after `cmake --preset gpu && cmake --build --preset gpu` on the cluster
# The program chooses its table of block routines at run time and prints which; where none is there for the device, the
# ranks compute on their CPU cores.
#
# The arithmetic (constants and formulas in jobscripts/arithmetic.sh, printed again with them when the job starts):
#   n = 4,194,304 particles on P = 4 ranks (1 node x 4 GPUs): 1,048,576 a rank
#   memory    1,048,576 x 4 kB + halo 310,000 x 150 B + 60 MB  = 4.3 GB a rank
#   halo      30 x 1,048,576^(2/3) = 310,000 particles: 40 MB a rank forward, 149 MB a training step (L = 4)
#   time      by CPU core: 4 layers x 1,048,576 x 2,500 / 2e8 = 52 s forward, 157 s a training step; truth 48 steps: 11
#             minutes; 2 steps: 17 minutes; asked for: 40
#SBATCH --job-name=espalier-gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=4G
#SBATCH --time=00:40:00
#SBATCH --output=espalier-gpu-%j.out
set -euo pipefail
n=${ESPALIER_N:-4194304} layers=4 steps=${ESPALIER_STEPS:-2}
root=${ESPALIER_ROOT:-${SLURM_SUBMIT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}}
# shellcheck source=jobscripts/arithmetic.sh
. "$root/jobscripts/arithmetic.sh"
arithmetic "$n" "${SLURM_NTASKS:?start it with sbatch}" $layers "$steps"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
cd "$root"
srun --ntasks=1 ctest --test-dir build/gpu -L cuda --output-on-failure --no-tests=error
srun "${ESPALIER_PROGRAM:-build/gpu/mpi/espalier}" run inputs/million.yaml -run_name "slurm-gpu-$SLURM_JOB_ID" \
  -data_n "$n" -data_test_n "$n" -net_layers $layers -train_steps "$steps"
