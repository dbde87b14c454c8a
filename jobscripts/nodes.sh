# shellcheck shell=bash
# Sourced by try_slurm.sh and try_hosts.sh: two hosts, node1 and node2, out of this one machine. Each has a network, a name, a
# /tmp and a /run of its own (Linux namespaces), the network joined to this machine's by a bridge; files are shared. Sets: root, work (a
# temporary folder that all see), program. Root only; when the script ends nothing of it is left, and no file of the system was
# changed.
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
nodes_net=10.213.7 # node1 is .1, node2 .2, this machine .254

need() { # package command...
  local package=$1 command
  shift
  for command in "$@"; do
    command -v "$command" >/dev/null || die "no $command here: apt-get install $package (it may start a service)"
  done
}

nodes_up() {
  local k
  [ "$(id -u)" = 0 ] || die "only root makes networks"
  need iproute2 ip
  [ ! -e /run/netns/espalier-node1 ] || die "espalier-node1 is there: another trial runs, or was killed (ip netns del)"
  case "$root" in /tmp/*) die "the source tree lies in /tmp, of which every node has its own" ;; esac
  program=${ESPALIER_PROGRAM:-}
  if [ -z "$program" ]; then
    ESPALIER_TARGET=espalier
    espalier_build
    program=$build/mpi/espalier
  fi
  work=$(mktemp -d /var/tmp/espalier-try.XXXXXX)
  chmod 711 "$work" # munged wants its socket to be within reach of all
  trap nodes_down EXIT
  trap 'exit 1' INT TERM HUP
  printf '127.0.0.1 localhost\n%s.1 node1\n%s.2 node2\n%s.254 %s\n' $nodes_net $nodes_net $nodes_net "$(hostname -s)" >"$work/hosts"
  ip link add espalier0 type bridge
  ip addr add $nodes_net.254/24 dev espalier0
  ip link set espalier0 up
  for k in 1 2; do
    mkdir -p "$work/node$k/tmp" "$work/node$k/run/sshd"
    ip netns add espalier-node$k
    ip link add espalier$k type veth peer name eth0 netns espalier-node$k
    ip link set espalier$k master espalier0 up
    ip -n espalier-node$k link set lo up
    ip -n espalier-node$k addr add $nodes_net.$k/24 dev eth0
    ip -n espalier-node$k link set eth0 up
  done
}

in_node() { # 1|2 command...: not by ip netns exec, which hides the control groups, and slurmd looks for them
  local k=$1
  shift
  # shellcheck disable=SC2016
  nsenter --net=/run/netns/espalier-node"$k" unshare --mount --uts bash -c 'hostname "$1" && mount --bind "$2/$1/tmp" /tmp &&
    mount --bind "$2/$1/run" /run && mount --bind "$2/hosts" /etc/hosts && shift 2 && exec "$@"' in_node "node$k" "$work" "$@"
}

nodes_down() { # daemons that were started have their numbers in $work/*.pid
  local k file
  set +e
  for file in "$work"/*.pid; do [ ! -f "$file" ] || kill "$(cat "$file")" 2>/dev/null; done
  for k in 1 2; do # slurmstepd and sshd of a job that was left
    for file in $(ip netns pids espalier-node$k 2>/dev/null); do kill "$file" 2>/dev/null; done
  done
  sleep 1
  for k in 1 2; do ip netns del espalier-node$k 2>/dev/null; done
  ip link del espalier0 2>/dev/null
  rm -rf "$work"
}

# What is run: a cloud that all ranks share, and what of its results must be the same bits wherever the ranks are: everything but
# times, memory, paths, and the first loss, which after a restart is that of another step.
small=(-data_n 4096 -data_test_n 4096 -net_layers 4)
figures() { # run folder
  sed -E 's/"(checkpoint|file|first_loss|[a-z_]*seconds[a-z_]*|[a-z_]*bytes_rank)":("[^"]*"|[^],}]*),?//g' "$1"/{generate,train,evaluate}.json
}

# same_bits RUN-FOLDER RANKS STEPS: as by mpirun on this machine alone
same_bits() {
  local name=one-$2-$3
  (espalier_mpirun_env && cd "$root" && mpirun -n "$2" "$program" run inputs/million.yaml -run_out "$work" -run_name "$name" \
    "${small[@]}" -train_steps "$3") >"$work/$name.log" 2>&1 || { tail -n 20 "$work/$name.log" >&2; die "on one host it failed"; }
  diff <(figures "$work/$name") <(figures "$1") || die "not the figures of $2 ranks on one host"
  say "the figures of $2 ranks on one host, bit by bit: $(cat "$1"/{generate,train}.json | grep -o '"[a-z_]*checksum":"[^"]*"' |
    tr '\n' ' ')"
}
