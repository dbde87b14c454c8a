#!/usr/bin/env bash
# One rank a GPU. First the device tests (skipped rows mean that no device is seen), then one shared cloud.
#   sbatch jobscripts/slurm_gpu.sh                 after `cmake --preset gpu && cmake --build --preset gpu` on the cluster
# What the devices do stands in docs/figures/device.md; the times below are those of CPU cores alone. Every rank sees all devices of its node and takes its own, so that NCCL can copy from one to the other directly.
#
# The arithmetic (constants and formulas in jobscripts/arithmetic.sh, printed again with them when the job starts):
#   n = 1,048,576 particles on P = 4 ranks (1 node x 4 GPUs): 262,144 a rank
#   memory    262,144 x 2.8 kB + halo 123,000 x 150 B + 60 MB  = 0.8 GB a rank
#   halo      30 x 262,144^(2/3) = 123,000 particles: 16 MB a rank forward, 59 MB a training step (L = 4)
#   time      by CPU core: 4 layers x 262,144 x 2.5 us = 2.6 s forward, x 9.2 us = 9.6 s a training step; two truths of
#             24 steps x 5.2 us: 65 s; with 2 steps and a prediction: 1.5 minutes; asked for: 40
#SBATCH --job-name=espalier-gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=4G
#SBATCH --time=00:40:00
#SBATCH --signal=USR1@120
#SBATCH --output=espalier-gpu-%j.out
set -euo pipefail
n=${ESPALIER_N:-1048576} layers=4 steps=${ESPALIER_STEPS:-2}
root=${ESPALIER_ROOT:-${SLURM_SUBMIT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}}
# shellcheck source=jobscripts/arithmetic.sh
. "$root/jobscripts/arithmetic.sh"
# shellcheck source=jobscripts/srun.sh
. "$root/jobscripts/srun.sh"
arithmetic "$n" "${SLURM_NTASKS:?start it with sbatch}" $layers "$steps"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
cd "$root"
srun --ntasks=1 ctest --test-dir build/gpu -L cuda -LE mpi --output-on-failure --no-tests=error
srun "${ESPALIER_PROGRAM:-build/gpu/mpi/espalier}" run inputs/million.yaml -run_name "slurm-gpu-$SLURM_JOB_ID" \
  -net_device cuda -data_n "$n" -data_test_n "$n" -net_layers $layers -train_steps "$steps" "$@"
