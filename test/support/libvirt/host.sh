#!/bin/bash
# A host with libvirt in namespaces of this machine. Called by host.ts, as the child of a reaping init:
#   host.sh FOLDER NAME UUID
# FOLDER is the host's own; it and what lies below it has the same path outside. libvirt's socket is FOLDER/run/libvirt-sock.
set -eu
folder=$1 name=$2 uuid=$3
hostname "$name"
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/lock
for place in etc:/etc/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt; do
  mkdir -p "$folder/${place%%:*}" "${place#*:}"
  mount --bind "$folder/${place%%:*}" "${place#*:}"
done
mkdir -p "$folder/run" /var/log/libvirt/qemu
# QEMU runs as root there: the user that Debian's package makes is not on every machine.
for file in passwd group; do
  cp "/etc/$file" "$folder/$file"
  mount --bind "$folder/$file" "/etc/$file"
done
getent passwd libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin' >>/etc/passwd
getent group libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:' >>/etc/group
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
unix_sock_dir = "$folder/run"
auth_unix_rw = "none"
unix_sock_group = "root"
host_uuid = "$uuid"
CONF
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
# Where machines that move have their sockets; outside it is FOLDER/migration.
mkdir -p "$folder/migration" /run/binnacle-migration
mount --bind "$folder/migration" /run/binnacle-migration
# A daemon that was killed is started again, as by systemd; one that can't start ends the host.
status=137
while [ "$status" -ge 128 ]; do
  status=0
  libvirtd || status=$?
done
exit "$status"
