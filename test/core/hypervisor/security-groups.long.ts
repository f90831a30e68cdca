import assert from "node:assert/strict";
import { test } from "node:test";
import type { FirewallRule, HostFirewall } from "../../../core/hypervisor/firewall.ts";
import { cardRules } from "../../../core/hypervisor/libvirt/network/card-rules.ts";
import { connectionRules } from "../../../core/hypervisor/libvirt/network/connection-limit.ts";
import { firewallChains } from "../../../core/hypervisor/libvirt/network/firewall-rules.ts";
import { cardName } from "../../../core/hypervisor/libvirt/network/links.ts";
import { onDebianKernel } from "../../support/hypervisor/debian-kernel.ts";
import { frame, packet4, udp } from "../../support/hypervisor/frames.ts";
import { frameFiles, frameShell } from "../../support/hypervisor/script-frames.ts";
import { nicOf, uuidOf } from "./conformance.ts";

/* Security groups and VLANs on the kernel of a node: connections are followed in its bridges, which not every kernel does. */

const card = (n: number, vlan: number | null = null) =>
  nicOf(n, {
    segment: { physicalInterface: "eth0", vlan, mtu: 1500 },
    address: { ip: `10.0.0.${n}`, prefixLen: 24, gateway: "10.0.0.1" },
  });
const [web, db, open, onVlan] = [card(11), card(12), card(13), card(14, 10)];
const groupUuid = uuidOf(7);
const anybody: FirewallRule = { way: "out", protocol: "all", ports: null, peer: null };

function rulesOf(...more: FirewallRule[]): string {
  const members: FirewallRule = { way: "in", protocol: "all", ports: null, peer: { groupUuid } };
  const firewall: HostFirewall = {
    cards: [],
    groups: [{ uuid: groupUuid, rules: [members, ...more] }],
    members: [{ groupUuid, ranges: [["10.0.0.11", "10.0.0.12"]] }],
  };
  const cards = [web, db].map(({ mac }) => ({ mac, groupUuids: [groupUuid], ends: [cardName(mac)] }));
  const chains = firewallChains(firewall, cards, ["br_eth0", "br_eth0.10"]);
  return cardRules([web, db, open, onVlan], new Map(), chains);
}

const ssh: FirewallRule = { way: "in", protocol: "tcp", ports: [22, 22], peer: { range: ["10.0.0.1", "10.0.0.1"] } };
const onlyWeb: FirewallRule = { way: "out", protocol: "tcp", ports: [80, 80], peer: null };

const first = [
  "admin 10.0.0.11 22 yes",
  "admin 10.0.0.11 80 no",
  "stranger 10.0.0.11 22 no",
  "open 10.0.0.11 22 no",
  "db 10.0.0.11 80 yes",
  "web 10.0.0.1 22 yes",
  "web 10.0.0.13 80 yes",
  "stranger 10.0.0.13 80 yes",
  "admin pings 10.0.0.11 no",
  "web pings 10.0.0.1 yes",
  "db pings 10.0.0.11 yes",
];
const second = [
  "admin 10.0.0.11 22 no",
  "admin 10.0.0.11 80 no",
  "stranger 10.0.0.11 22 no",
  "open 10.0.0.11 22 no",
  "db 10.0.0.11 80 yes",
  "web 10.0.0.1 22 no",
  "web 10.0.0.13 80 yes",
  "stranger 10.0.0.13 80 yes",
  "admin pings 10.0.0.11 no",
  "web pings 10.0.0.1 no",
  "db pings 10.0.0.11 no",
];

/** A function of the shell that tries each of them. */
function expected(name: string, lines: readonly string[]): string {
  const tries = lines.map((text) => (text.includes("pings") ? `ping_ ${text.replace(" pings", "")}` : `tcp ${text}`));
  return `${name}() {\n${tries.join("\n")}\n}`;
}

/** Guests and neighbours by their names, with a server each on some ports; a wire beyond eth0 that listens. */
const script = `
ip link add eth0 type veth peer name wire
ip link set eth0 up; ip link set wire up
ip link add link eth0 name eth0.10 up type vlan id 10
for bridge in br_eth0 br_eth0.10; do ip link add $bridge type bridge stp_state 0 forward_delay 0; ip link set $bridge up; done
ip link set eth0 master br_eth0
ip link set eth0.10 master br_eth0.10
${frameShell}
nft -f /rules.nft && echo loaded
guest web ${cardName(web.mac)} ${web.mac} br_eth0 10.0.0.11/24
guest db ${cardName(db.mac)} ${db.mac} br_eth0 10.0.0.12/24
guest open ${cardName(open.mac)} ${open.mac} br_eth0 10.0.0.13/24
guest vlan ${cardName(onVlan.mac)} ${onVlan.mac} br_eth0.10 10.0.0.14/24
guest admin port1 52:54:00:00:00:01 br_eth0 10.0.0.1/24
guest stranger port2 52:54:00:00:00:02 br_eth0 10.0.0.2/24
for name in web open admin; do for port in 22 80; do
  at $name nc -ll -p $port -e echo hello </dev/null &
done; done
listening() { at $1 netstat -ltn | grep -c LISTEN; }
for name in web open admin; do until [ "$(listening $name)" = 2 ]; do sleep 0.1; done; done
# What is to come has its time; what is not to come is not waited for so long.
limit() { [ $1 = yes ] && echo 60 || echo 5; }
tcp() {
  word=$(at $1 timeout $(limit $4) nc $2 $3 </dev/null 2>/dev/null)
  [ "$word" = hello ] && echo "$1 $2 $3 yes" || echo "$1 $2 $3 no"
}
ping_() { at $1 ping -c 1 -W $(limit $3) $2 >/dev/null 2>&1 && echo "$1 pings $2 yes" || echo "$1 pings $2 no"; }
${expected("all", first)}
${expected("others", second)}
echo first; all
# A connection that is open while the rules are replaced.
mkfifo /tmp/in /tmp/out
at admin nc -l -p 99 -e cat </dev/null &
until [ "$(listening admin)" = 3 ]; do sleep 0.1; done
at web nc 10.0.0.1 99 </tmp/in >/tmp/out &
exec 3>/tmp/in 4</tmp/out
echo before >&3; read -t 120 word <&4; echo "held $word"
nft -f /rules.nft && echo reloaded
echo after >&3; read -t 120 word <&4; echo "held $word"
nft -f /others.nft && echo others
echo second; others
# Frames of the guest on the VLAN, as they come out on the wire.
hears host wire end
sends vlan eth0 frames
heard host beyond
# More connections than a card may have; another card, which is in no group, has its own.
nft -f /rules.nft
nft -f /connections.nft && echo limited
nft -f /rules.nft
nft -f /connections.nft
hears stranger eth0 end
sends web eth0 many
sends open eth0 other
heard stranger counted
`;

const said = { from: onVlan.mac, type: 0x0800, content: packet4("10.0.0.14", "10.0.0.255", 17, udp(5000, 5000)) };
const frames = [
  frame("hops", { ...said, tags: [[0x8100, 20]] }),
  frame("provider", { ...said, tags: [[0x88a8, 20]] }),
  frame("untagged", said),
  frame("end", said),
];

const opened = (from: string, ip: string, port: number) => ({
  ...{ from, to: "52:54:00:00:00:02", type: 0x0800, content: packet4(ip, "10.0.0.2", 17, udp(port, 5000)) },
});
const many = ["one", "two", "three", "four"].map((word, n) => frame(word, opened(web.mac, "10.0.0.11", 7000 + n)));
const other = ["open", "end"].map((word, n) => frame(word, opened(open.mac, "10.0.0.13", 7000 + n)));

test("on a node's kernel a group lets in what its rules name and what answers, also over a change of the rules; no card opens more connections than it may; none leaves its VLAN", async () => {
  const lines = await onDebianKernel(script, {
    "rules.nft": rulesOf(ssh, anybody),
    "others.nft": rulesOf(onlyWeb),
    ...frameFiles,
    "connections.nft": connectionRules(2),
    many: many.join(" "),
    other: other.join(" "),
    frames: frames.join(" "),
  });
  const part = (from: string, to: string) => lines.slice(lines.indexOf(from) + 1, lines.indexOf(to));
  const said = lines.join("\n");
  assert.ok(lines.includes("loaded"), said);
  assert.deepEqual(part("first", "held before"), first, said);
  assert.ok(lines.includes("reloaded") && lines.includes("held after"), said);
  assert.deepEqual(part("second", "THE END").slice(0, second.length), second, said);
  assert.ok(lines.includes("beyond untagged end "), said);
  assert.ok(lines.includes("limited"), said);
  assert.ok(lines.includes("counted one two open end "), said);
});
