#!/bin/sh
# The switch of a network guest, a namespace of that machine with the other ends of its cables: s0, s1 and so on.
# `network-switch` makes it before NetworkManager starts; each boot begins with the same switch.
#   mgmt  s0            10.0.0.1/24, fd00::1/64: the management network, with a gateway
#   stor  lag (s1, s2)  192.168.93.1/24: the storage network, behind an LACP partner; VLANs 10 and 20
#   pair  s3, s4        10.3.0.1/24: two plain ports
#   free  s5            10.5.0.1/24; VLAN 30 with DHCP, VLAN 40 without
set -eu

ports="s0 s1 s2 s3 s4 s5 door"
for port in $ports; do
    until [ -e "/sys/class/net/$port" ]; do sleep 0.1; done
done
ip netns add switch
for port in $ports; do ip link set "$port" netns switch; done

inside() { ip netns exec switch "$@"; }
bridge() {
    inside ip link add "$1" type bridge
    inside ip link set "$1" up
    inside ip addr add "$2" dev "$1"
}
inside ip link set lo up
bridge mgmt 10.0.0.1/24
inside ip addr add fd00::1/64 dev mgmt nodad
bridge stor 192.168.93.1/24
bridge pair 10.3.0.1/24
bridge free 10.5.0.1/24
inside ip link add lag type bond mode 802.3ad miimon 100 lacp_rate fast
for leg in s1 s2; do inside ip link set "$leg" master lag; done
inside ip link set s0 master mgmt up
inside ip link set lag master stor up
for port in s3 s4; do inside ip link set "$port" master pair up; done
inside ip link set s5 master free up
for vlan in stor.10 stor.20 free.30 free.40; do
    inside ip link add "$vlan" link "${vlan%.*}" type vlan id "${vlan#*.}"
    inside ip link set "$vlan" up
    inside ip addr add "10.${vlan#*.}.0.1/24" dev "$vlan"
done
# The test's way to the agent: nothing else leaves this machine.
inside ip addr add 10.0.2.15/24 dev door
inside ip link set door up
