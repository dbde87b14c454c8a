#!/usr/bin/env bash
# A stock GCN of PyTorch Geometric on learned graphs beside raw features' (docs/figures/relation.md), by hand: some minutes. Needs
# the built program and a Python with torch, torch_geometric and h5py (pip install torch torch_geometric h5py):
#   ESPALIER_PYTHON=venv/bin/python jobscripts/gcn.sh [neighbours of a vector, 16] [folder, out/gcn]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
neighbours=${1:-16}
out=${2:-out/gcn}
program=${ESPALIER_PROGRAM:-$root/build/cpu/mpi/espalier}
input=$root/inputs/hidden-subspace.yaml
run=(-run_out "$out")
set -a
# shellcheck source=jobscripts/mpirun.env
. "$root/jobscripts/mpirun.env"
set +a
[ -e "$out/hidden-subspace/checkpoint.h5" ] || "$program" run "$input" "${run[@]}"
graphs=()
for set in 0 1 2 3 4; do
  graphs+=("$out/nearest-$neighbours-of-$set.h5")
  "$program" graph "$input" "${run[@]}" -eval_set $set -graph_neighbours "$neighbours" -graph_write "${graphs[-1]}" >/dev/null
done
exec "${ESPALIER_PYTHON:-python3}" -W ignore "$root/examples/torch/gcn.py" "$out/hidden-subspace/data.h5" "$neighbours" "${graphs[@]}"
