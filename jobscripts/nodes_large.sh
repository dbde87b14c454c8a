#!/usr/bin/env bash
# A large graph that is drawn, and one step of graph convolution on it: along its edges (gcn), and through a gate and its tree as well
# (tree). 20 neighbours a node: 1,000,000 nodes have 10,000,000 edges. Time, memory and the fingerprint of what the step made of the
# parameters, which is the same on any number of ranks: out/nodes_large/*/train.json, and printed.
#   jobscripts/nodes_large.sh [1000000] ["1 2"]         nodes; numbers of ranks; inside a Slurm job srun starts the ranks
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/scaling.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/scaling.sh
. "$here/scaling.sh"
nodes=${1:-1000000} counts=${2:-1 2}
most=$(tr ' ' '\n' <<<"$counts" | sort -n | tail -n 1)
scaling_start nodes_large
data=(-data_task nodes -data_nodes_of drawn -data_n "$nodes" -data_clouds 1 -data_test_n 1000 -data_test_clouds 1 -run_out "$out")
net=(-net_update_hidden 16 -train_batch 1 -train_steps 1 -train_lr 0.01 -train_clip 0 -train_shard particles)
gcn=(-net_share 1 -net_dropout 0.5)
# keys as they are drawn: learning them first, and asking how wide their gate is to be, would be most of the time
tree=(-net_share 0.5 -net_dim 2 -net_embedding_by random -tree_leaf 16 -tree_block 128 -tree_theta 0.7)
step() { # name, ranks, command...
  local name=$1 ranks=$2
  shift 2
  mkdir -p "$out/$name"
  ln -sf "$out/data/data.h5" "$out/$name/data.h5"
  launch "$ranks" "$program" train "${data[@]}" "${net[@]}" -run_name "$name" "$@" >"$out/$name.log" 2>&1 ||
    { tail -n 20 "$out/$name.log" >&2; die "$name failed; all of its output is in $out/$name.log"; }
  say "$name: $(grep -oE '"(step_seconds|memory_bytes_rank|resident_bytes_rank|parameter_checksum)":[^,]*' "$out/$name/train.json" | tr '\n' ' ')"
}
launch "$most" "$program" generate "${data[@]}" -run_name data >"$out/data.log" 2>&1 || { tail -n 20 "$out/data.log" >&2; die "generate failed"; }
for ranks in $counts; do
  step "gcn-$ranks" "$ranks" "${gcn[@]}"
  step "tree-$ranks" "$ranks" "${tree[@]}"
done
