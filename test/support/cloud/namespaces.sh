#!/bin/bash
# Nodes of a cloud in namespaces of this machine. Called by namespaces.ts:
#   namespaces.sh switch                        holds the namespace of the switch
#   namespaces.sh node TREE FOLDER NAME ROLE [SHARED]
#                                               becomes a node's first process, once its card is there; its root's password
#                                               comes on standard input. SHARED: see below
# TREE is the product as the image has it, FOLDER an empty folder for what the node writes.
set -eu

# libvirt with QEMU, and the folder $shared at /srv/shared, as on a file system that all nodes have mounted.
hypervisor() {
  mkdir -p /run/lock /srv/shared
  mount --bind "$shared" /srv/shared
  # Whether this machine has hardware virtualization makes no difference. Read-only: of one that could be opened libvirt would
  # think that QEMU has only just come to miss it, and ask QEMU anew for each machine.
  : >"$folder/none"
  [ ! -e /dev/kvm ] || mount --bind -o ro "$folder/none" /dev/kvm
  getent passwd libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin' >>/etc/passwd
  getent group libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:' >>/etc/group
  mkdir -p /etc/libvirt
  cat >/etc/libvirt/qemu.conf <<'CONF'
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
remember_owner = 0
CONF
  cat >/etc/libvirt/libvirtd.conf <<CONF
auth_unix_rw = "none"
unix_sock_group = "root"
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
CONF
  libvirtd --daemon
}

case $1 in
switch)
  ip link set lo up
  ip link add sw0 type bridge
  ip link set sw0 up
  ip link add sw1 type bridge
  ip link set sw1 up
  echo ready
  exec sleep infinity
  ;;
node)
  tree=$2 folder=$3 name=$4 role=$5 shared=${6-}
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
  if [ -n "$shared" ]; then
    hypervisor
    echo ready
    # Reaps what others leave behind: libvirt waits for QEMU's end.
    exec tini -s -- sleep infinity
  fi
  echo ready
  exec sleep infinity
  ;;
esac
