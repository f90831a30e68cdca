#!/bin/sh
# What zstack-ctl asks of systemctl, on a node in namespaces without systemd: the manager's unit, and the node's identity.
set -u
pid_file=/run/manager.pid
pid=$(cat "$pid_file" 2>/dev/null) || pid=0
# Nobody reaps here: one that has ended stays as a zombie.
alive() { grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null; }
alive || pid=0
for unit in "$@"; do :; done
case $1/$unit in
show/binnacle-manager.service)
  [ "$pid" = 0 ] && active=inactive || active=active
  printf 'LoadState=loaded\nActiveState=%s\nMainPID=%s\n' "$active" "$pid"
  ;;
show/binnacle-identity.service) printf 'LoadState=loaded\nActiveState=active\nMainPID=0\n' ;;
show/*) printf 'LoadState=not-found\nActiveState=inactive\nMainPID=0\n' ;;
start/binnacle-manager.service)
  [ "$pid" = 0 ] || exit 0
  setsid /usr/lib/binnacle/node /usr/lib/binnacle/manager.js >/var/log/binnacle/manager.out 2>&1 </dev/null &
  echo $! >"$pid_file"
  ;;
stop/binnacle-manager.service)
  [ "$pid" = 0 ] && exit 0
  kill -TERM "$pid"
  while alive; do sleep 0.05; done
  ;;
restart/binnacle-identity.service) exec /usr/lib/binnacle/node /usr/lib/binnacle/role.js identity ;;
*) exit 1 ;;
esac
