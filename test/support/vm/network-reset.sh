#!/bin/sh
# The first network of a network guest, without the product's help.
set -eu

profiles=/etc/NetworkManager/system-connections
rm -f $profiles/* /run/NetworkManager/system-connections/*.nmmeta /etc/systemd/network/*-binnacle-*.link
install -m 600 /root/management.nmconnection $profiles/management.nmconnection
install -m 644 /root/node.json /etc/binnacle/node.json
nmcli connection reload
for link in /sys/class/net/*; do
    name=${link##*/}
    case $(cat "$link/type") in 1) ;; *) continue ;; esac
    [ -e "$link/device" ] || ip link delete "$name" || true
done
for link in /sys/class/net/*; do
    [ -e "$link/device" ] || continue
    wanted=$(grep -ls "$(cat "$link/address")" /etc/systemd/network/80-*.link | head -n 1)
    wanted=${wanted##*/80-}
    wanted=${wanted%.link}
    [ "$wanted" = "${link##*/}" ] || ip link set "${link##*/}" name "$wanted"
    ip link set "$wanted" mtu 1500
done
nmcli connection reload
nmcli connection up management
# The next thing may be a power cut.
sync
