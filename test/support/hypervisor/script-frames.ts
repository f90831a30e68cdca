import { hearing, sending } from "./frames.ts";

/* Frames of `frames.ts` in a script for a kernel of its own, in which there is a shell and Perl, and no Node. */

/** Files that {@link frameShell} needs. */
export const frameFiles = { "hear.pl": hearing, "send.pl": sending };

/** Functions for the script; one place is listened to at a time. */
export const frameShell = `
# NAME PORT MAC BRIDGE [ADDRESS]: something with a card of its own on a bridge; a guest when the port is a card's.
guest() {
  ip netns add $1; ip link add $2 type veth peer name eth0 netns $1
  ip -n $1 link set eth0 address $3 up; [ -z "$5" ] || ip -n $1 addr add $5 dev eth0; ip link set $2 master $4 up
}
# NAME COMMAND: there; "host" is outside of all.
at() { space=$1; shift; if [ $space = host ]; then "$@"; else ip netns exec $space "$@"; fi; }
# NAME INTERFACE FILE: sends the file's frames.
sends() { at $1 perl /send.pl $2 $(cat /$3); }
# NAME INTERFACE WORD: listens from now on until the word comes.
hears() {
  : >/tmp/heard_$1
  at $1 timeout 600 perl /hear.pl $2 $3 >/tmp/heard_$1 & ear=$!
  until grep -q ready /tmp/heard_$1; do sleep 0.1; done
}
# NAME TITLE: prints what was heard there, when the word has come.
heard() { wait $ear; echo "$2 $(grep -v ready /tmp/heard_$1 | uniq | tr '\\n' ' ')"; }
`;
