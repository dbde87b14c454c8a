# shellcheck shell=bash
# Sourced by the job scripts: how srun starts the ranks. Where a site has chosen nothing (MpiDefault is Slurm's own "none", and
# SLURM_MPI_TYPE is not set), Open MPI's ranks cannot find each other; then, if this srun knows PMIx, it is asked for.
if [ -z "${SLURM_MPI_TYPE:-}" ] && [[ "$(scontrol show config 2>/dev/null)" =~ MpiDefault[\ =]+(none|\(null\)) ]] &&
  [[ "$(srun --mpi=list 2>&1)" =~ pmix ]]; then
  export SLURM_MPI_TYPE=pmix
fi
