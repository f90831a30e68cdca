#!/bin/bash
# Nodes of a cloud in namespaces of this machine. Called by namespaces.ts:
#   namespaces.sh switch                        holds the namespace of the switch
#   namespaces.sh node TREE FOLDER NAME ROLE    becomes a node's first process, once its card is there; its root's password
#                                               comes on standard input
# TREE is the product as the image has it, FOLDER an empty folder for what the node writes.
set -eu
case $1 in
switch)
  ip link set lo up
  ip link add sw0 type bridge
  ip link set sw0 up
  echo ready
  exec sleep infinity
  ;;
node)
  tree=$2 folder=$3 name=$4 role=$5
  hostname "$name"
  mount -t proc proc /proc
  mount -t tmpfs tmpfs "$folder"
  for part in etc var usr; do
    mkdir -p "$tree/$part" "$folder/$part" "$folder/$part.work"
    mount -t overlay overlay -o "lowerdir=$tree/$part:/$part,upperdir=$folder/$part,workdir=$folder/$part.work" "/$part"
  done
  mount -t tmpfs tmpfs /run
  mount -t tmpfs -o mode=700 tmpfs /root
  mkdir -p -m 0750 /run/binnacle
  mkdir -p /etc/binnacle /var/lib/binnacle /var/log/binnacle
  printf '{ "role": "%s" }\n' "$role" >/etc/binnacle/node.json
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$name" >/etc/hosts
  read -r password
  printf 'root:%s\n' "$password" | chpasswd
  until ip -o link show card >/dev/null 2>&1; do sleep 0.02; done
  ip link set lo up
  /usr/lib/binnacle/node /usr/lib/binnacle/role.js identity
  echo ready
  exec sleep infinity
  ;;
esac
