#!/bin/bash
# A node and the switch that its cards are plugged into, each in a network namespace. Called by bed.ts:
#   bed.sh switch CARDS        holds the switch's namespace; makes the cards' cables
#   bed.sh node TREE REPO BOOT_ID CARDS  becomes the node's first process, once its cards are there
set -eu
case $1 in
switch)
  ip link set lo up
  ip link add sw0 type bridge
  ip link set sw0 up
  ip addr add 10.0.0.1/24 dev sw0
  for card in $(seq 0 $(($2 - 1))); do
    ip link add "eth$card" address "02:00:00:00:00:0$card" type veth peer name "port$card"
    ip link set "port$card" master sw0 up
  done
  echo ready
  exec sleep infinity
  ;;
node)
  tree=$2
  until [ "$(ip -o link show type veth | wc -l)" = "$5" ]; do sleep 0.02; done
  ip link set lo up
  hostname node01
  mount --rbind "$tree" "$tree"
  mount -t proc proc "$tree/proc"
  # NetworkManager takes a /sys that can't be written for a container's, where udev tells it nothing.
  mount -t sysfs -o ro sysfs "$tree/sys"
  mount --rbind /dev "$tree/dev"
  mount -t tmpfs tmpfs "$tree/run"
  mount -t tmpfs tmpfs "$tree/tmp"
  mkdir -p "$tree/run/dbus" "$tree/run/binnacle" "$tree$3"
  mount --rbind "$3" "$tree$3"
  echo "$4" >"$tree/run/boot_id"
  mount --bind "$tree/run/boot_id" "$tree/proc/sys/kernel/random/boot_id"
  # The rest of the machine is out of sight, so that nothing reaches for it.
  cd "$tree"
  exec chroot "$tree" tini -s -- sh -c 'dbus-daemon --system --fork && NetworkManager && echo ready && exec sleep infinity'
  ;;
esac
