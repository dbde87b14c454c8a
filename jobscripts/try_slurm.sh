#!/usr/bin/env bash
# The Slurm jobs under a real Slurm: slurmctld here and a slurmd on each of two nodes of one CPU, which are namespaces of this machine
# (jobscripts/nodes.sh); configuration, keys, spools and logs lie in a temporary folder. jobscripts/slurm_cpu.sh with a small cloud
# has the figures of two ranks by mpirun, bit by bit; one that is signalled ends with a checkpoint and status 75, and the next goes
# on from it to the same bits; then jobscripts/scaling_strong.sh. By hand, as root, on Debian with slurm-wlm and munge; some minutes.
#   jobscripts/try_slurm.sh
set -euo pipefail
# shellcheck source=jobscripts/nodes.sh
. "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"
need "slurm-wlm munge" slurmctld slurmd sbatch munged
nodes_up
mkdir "$work/state" "$work/log"

# ---- the cluster ----
cat >"$work/slurm.conf" <<E_CONFIG
ClusterName=trial
SlurmctldHost=$(hostname -s)($nodes_net.254)
SlurmUser=root
AuthInfo=socket=$work/munge.sock
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/%n/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/log/slurmctld
SlurmdLogFile=$work/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
NodeName=node1 NodeAddr=$nodes_net.1 CPUs=1 RealMemory=4096
NodeName=node2 NodeAddr=$nodes_net.2 CPUs=1 RealMemory=4096
PartitionName=all Nodes=ALL Default=YES MaxTime=60
E_CONFIG
export SLURM_CONF=$work/slurm.conf OMPI_MCA_mpi_yield_when_idle=1 # both nodes take their CPU 0 for theirs, which is one
dd if=/dev/urandom of="$work/munge.key" bs=64 count=1 status=none
chmod 600 "$work/munge.key"
munged --socket="$work/munge.sock" --key-file="$work/munge.key" --pid-file="$work/munged.pid" --log-file="$work/log/munged" \
  --seed-file="$work/munge.seed"
slurmctld
for k in 1 2; do in_node $k slurmd -N node$k || { tail "$work/log/slurmd-node$k" >&2; die "no slurmd on node$k"; }; done
for _ in $(seq 30); do
  [ "$(sinfo -h -t idle -o %D)" != 2 ] || break
  sleep 1
done
say "$(sinfo -V), $(mpirun --version | head -n 1), MpiDefault $(scontrol show config | awk '$1 == "MpiDefault" { print $3 }')"
sinfo -N
[ "$(sinfo -h -t idle -o %D)" = 2 ] || { tail -n 20 "$work"/log/* >&2; die "the nodes did not come up"; }

submit() { # arguments of sbatch -> job
  (cd "$root" && sbatch --parsable --nodes=2 --ntasks-per-node=1 --output="$work/job-%j.out" --export="ALL,ESPALIER_PROGRAM=$program" \
    "$@")
}

state_of() { scontrol show job "$1" | grep -oE "(JobState|ExitCode)=[^ ]*" | tr '\n' ' '; }

finish() { # job, what its state must be
  while [ -n "$(squeue -h -j "$1" -o %T 2>/dev/null)" ]; do sleep 1; done
  case "$(state_of "$1")" in
    *"$2"*) say "job $1: $(state_of "$1")" ;;
    *) tail -n 60 "$work/job-$1.out" "$work"/log/slurmd-* >&2; die "job $1: $(state_of "$1"), not $2" ;;
  esac
}

# ---- the jobs ----
job=$(ESPALIER_N=4096 ESPALIER_STEPS=2 submit jobscripts/slurm_cpu.sh -run_out "$work")
finish "$job" ExitCode=0:0
grep -v '^{' "$work/job-$job.out"
same_bits "$work/slurm-$job" 2 2

job=$(ESPALIER_N=4096 ESPALIER_STEPS=40 submit jobscripts/slurm_cpu.sh -run_out "$work")
while ! grep -q '^train 1/' "$work/job-$job.out" 2>/dev/null && [ -n "$(squeue -h -j "$job")" ]; do sleep 0.2; done
scancel --signal=USR1 "$job"
finish "$job" ExitCode=75:0
grep restart "$work/job-$job.out"
checkpoint=$work/slurm-$job/checkpoint.h5
job=$(ESPALIER_N=4096 ESPALIER_STEPS=40 submit jobscripts/slurm_cpu.sh -run_out "$work" -train_restart "$checkpoint")
finish "$job" ExitCode=0:0
same_bits "$work/slurm-$job" 2 40

job=$(ESPALIER_OUT=$work/strong submit jobscripts/scaling_strong.sh "1 2" 4096)
finish "$job" ExitCode=0:0
cat "$work/job-$job.out"
