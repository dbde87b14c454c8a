#!/usr/bin/env bash
# Two hosts, joined by TCP alone: Open MPI starts 2 ranks on each by ssh, and the figures are those of 4 ranks on one host, bit by
# bit. The hosts are namespaces of this machine (jobscripts/nodes.sh), each with an sshd of its own; keys and configuration lie in a
# temporary folder. By hand, as root, on Debian with openssh-server; about a minute.
#   jobscripts/try_hosts.sh
set -euo pipefail
# shellcheck source=jobscripts/nodes.sh
. "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"
need openssh-server sshd ssh ssh-keygen
nodes_up

# ---- an sshd in each, with keys made for it ----
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/user_key"
cp "$work/user_key.pub" "$work/authorized_keys"
for k in 1 2; do
  cat >"$work/sshd_config-$k" <<E_CONFIG
ListenAddress $nodes_net.$k
HostKey $work/host_key
AuthorizedKeysFile $work/authorized_keys
PidFile $work/sshd-$k.pid
StrictModes no
UsePAM no
PasswordAuthentication no
E_CONFIG
  in_node $k "$(command -v sshd)" -f "$work/sshd_config-$k" -E "$work/sshd-$k.log"
done
cat >"$work/ssh_config" <<E_CONFIG
IdentityFile $work/user_key
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
E_CONFIG

# ---- one run on both ----
# What a job over hosts needs beside --host: rsh_agent, that ssh takes our keys; btl, TCP between hosts and shared memory within;
# if_include, the network that joins them. The rest is as in mpirun.env, for four ranks on few cores.
two_hosts=(--host "node1:2,node2:2" --mca plm_rsh_agent "ssh -F $work/ssh_config" --mca btl "self,vader,tcp" --mca pml ob1
  --mca btl_tcp_if_include "$nodes_net.0/24" --mca oob_tcp_if_include "$nodes_net.0/24" --mca hwloc_base_binding_policy none
  --mca mpi_yield_when_idle 1 --allow-run-as-root --tag-output)
say "mpirun ${two_hosts[*]}"
in_node 1 mpirun "${two_hosts[@]}" hostname
in_node 1 mpirun "${two_hosts[@]}" "$program" run "$root/inputs/million.yaml" -run_out "$work" -run_name two "${small[@]}" \
  -train_steps 2 >"$work/two.log" 2>&1 || { tail -n 40 "$work/two.log" >&2; die "on two hosts it failed"; }
say "bytes that node1 received over the bridge: $(ip netns exec espalier-node1 cat /sys/class/net/eth0/statistics/rx_bytes)"
same_bits "$work/two" 4 2
