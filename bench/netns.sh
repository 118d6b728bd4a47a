#!/usr/bin/env bash
# Three network namespaces with a network between every two of them, for root on Linux:
#
#   bench/netns.sh up NETWORK       # NETWORK: lan, wan, or bandwidth and round trip such as 400mbit,40ms
#   bench/netns.sh exec N COMMAND   # runs a command as party N is connected
#   bench/netns.sh down
#
# Party N is in the namespace ditto-N. The others reach it at 10.77.0.N+1 over links as slow as the network says, each way
# of each pair for itself; this machine reaches it at 10.78.N.2 as fast as it is. Links are shaped by tc's netem, or, where
# the kernel has none, by bench/tun_link.cc between TUN devices.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tun_link=$root/.bazel/bin/bench/tun_link
pairs=("0 1" "0 2" "1 2")
# Queues as long as the delay needs, so that nothing is lost.
packets=1000000

usage() {
  sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

down() {
  local n
  for n in 0 1 2; do
    [[ -e /run/netns/ditto-$n ]] || continue
    ip netns pids "ditto-$n" | xargs -r kill || true
    ip netns delete "ditto-$n"
    ip link delete "ditto-$n" 2>/dev/null || true
  done
}

# The kernel says whether it has netem by letting a device have it, or not.
has_netem() {
  ip netns exec ditto-0 tc qdisc add dev lo root netem delay 1ms 2>/dev/null || return 1
  ip netns exec ditto-0 tc qdisc delete dev lo root
}

# What reaches party $2 from party $1.
route() {
  ip -n "ditto-$1" link set "to-$2" up
  ip -n "ditto-$1" route add "10.77.0.$(($2 + 1))/32" dev "to-$2" src "10.77.0.$(($1 + 1))"
}

up() {
  local rate delay n pair a b
  # The one place that knows what networks are called.
  read -r rate delay < <(PYTHONPATH=$root python3 -c '
import sys
from ditto.errors import UnsupportedError
from ditto.policy.link import get_link
try:
    link = get_link(sys.argv[1])
except UnsupportedError as error:
    sys.exit(f"netns.sh: {error}")
print(f"{link.bits_per_second:.0f} {link.one_way_seconds:.9f}")' "$1")
  [[ -n ${delay:-} ]] || exit 1
  down
  trap down ERR
  for n in 0 1 2; do
    ip netns add "ditto-$n"
    ip -n "ditto-$n" link set lo up
    ip -n "ditto-$n" address add "10.77.0.$((n + 1))/32" dev lo
    # Without estimates of the bandwidth (BBR's), which have nothing to go by where a message is sent now and then.
    ip netns exec "ditto-$n" sysctl -qw net.ipv4.tcp_congestion_control=reno
    ip link add "ditto-$n" type veth peer name caller netns "ditto-$n"
    ip address add "10.78.$n.1/30" dev "ditto-$n"
    ip link set "ditto-$n" up
    ip -n "ditto-$n" address add "10.78.$n.2/30" dev caller
    ip -n "ditto-$n" link set caller up
  done
  local shaper=netem
  has_netem || shaper=tun
  for pair in "${pairs[@]}"; do
    read -r a b <<<"$pair"
    if [[ $shaper == netem ]]; then
      ip link add "to-$b" netns "ditto-$a" type veth peer name "to-$a" netns "ditto-$b"
      ip netns exec "ditto-$a" tc qdisc add dev "to-$b" root netem rate "$rate" delay "${delay}s" limit $packets
      ip netns exec "ditto-$b" tc qdisc add dev "to-$a" root netem rate "$rate" delay "${delay}s" limit $packets
    else
      ip -n "ditto-$a" tuntap add dev "to-$b" mode tun vnet_hdr
      ip -n "ditto-$b" tuntap add dev "to-$a" mode tun vnet_hdr
    fi
    route "$a" "$b"
    route "$b" "$a"
    if [[ $shaper == tun ]]; then
      [[ -x $tun_link ]] || (cd "$root" && bazel build //bench:tun_link)
      "$tun_link" "ditto-$a" "to-$b" "ditto-$b" "to-$a" "$rate" "$delay"
    fi
  done
  echo "netns.sh: $1 by $shaper between ditto-0, ditto-1 and ditto-2" >&2
}

case "${1:-} $#" in
  "up 2") up "$2" ;;
  "down 1") down ;;
  exec\ [3-9] | exec\ [1-9][0-9]*) exec ip netns exec "ditto-$2" "${@:3}" ;;
  *) usage ;;
esac
