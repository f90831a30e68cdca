import assert from "node:assert/strict";
import { test } from "node:test";
import { openFirewall } from "../../../core/hypervisor/firewall.ts";
import { CardGuard } from "../../../core/hypervisor/libvirt/network/card-guard.ts";
import { cardName, Links } from "../../../core/hypervisor/libvirt/network/links.ts";
import type { NicSpec } from "../../../core/hypervisor/nic-spec.ts";
import { onDebianKernel } from "../../support/hypervisor/debian-kernel.ts";
import { networkBed as bed, card } from "../../support/hypervisor/frame-bed.ts";
import { type Ear, frame, icmp6, packet4, send, toAllNodes, udp } from "../../support/hypervisor/frames.ts";
import { frameFiles, frameShell } from "../../support/hypervisor/script-frames.ts";
import type { Guest } from "../../support/hypervisor/wire.ts";

/* Routers that were heard on one network, and the guests of another: on kernels that tell bridges, and on others. */

const router = "52:54:00:00:00:01";
const [mac, otherMac] = [card(11).mac, card(12).mac];
/** Of no MAC address: RFC 7217. */
const ownChoice = "fe80:0:0:0:6a1c:9d02:77e1:3b5f";
const linkLocals = new Map([
  [mac, "fe80:0:0:0:5054:ff:fe00:b"],
  [otherMac, "fe80:0:0:0:5054:ff:fe00:c"],
]);

const advertises = (source: string) => toAllNodes(router, source, icmp6(134));
const broadcast = (from: string, ip: string) => ({
  ...{ from, type: 0x0800, content: packet4(ip, "10.0.0.255", 17, udp(5000, 5000)) },
});
const after = frame("after", broadcast(router, "10.0.0.1"));
const end = (from: string) => frame("end", broadcast(from, from === mac ? "10.0.0.11" : "10.0.0.12"));
const has = (word: string, from: string, source: string) => frame(word, toAllNodes(from, source, udp(5000, 5000), 17));

/** A guest's, by a router's address; and by its own, which nobody takes from it. */
function claims(from: string): string[] {
  const linkLocal = linkLocals.get(from) ?? "";
  return [
    has("has", from, ownChoice),
    frame("tells", toAllNodes(from, linkLocal, icmp6(136, ownChoice))),
    frame("asks", toAllNodes(from, "0:0:0:0:0:0:0:0", icmp6(135, ownChoice))),
    has("own", from, linkLocal),
    end(from),
  ];
}

/** Routers' addresses that somebody has made up, by as many as are sent and heard at a time without one being lost. */
function invented(count: number): string[][] {
  const all = Array.from({ length: count }, (_none, n) => `fe80:0:0:0:6a1c:9d02:1:${(n + 1).toString(16)}`);
  return Array.from({ length: count / 100 }, (_none, n) => all.slice(100 * n, 100 * n + 100));
}

/** What an agent loads for these cards, one after the other, when the kernel takes all of it. */
async function loadsFor(cards: readonly NicSpec[]): Promise<string[]> {
  const loads: string[] = [];
  const run = async (_program: string, _args: readonly string[], { input }: { input?: string }) => {
    if (input !== undefined) loads.push(input);
    return { code: 0, stdout: "", stderr: "" };
  };
  await new CardGuard(new Links({ run })).guard(cards, openFirewall, { isThorough: true });
  return loads;
}

/** Two networks on one cable, a guest on each, and whatever sends at the other end of the cable. */
const script = `${frameShell}
ip link add eth0 type veth peer name wire
ip link set eth0 up; ip link set wire up
ip link add link eth0 name eth0.10 up type vlan id 10
ip link add link wire name wire.10 up type vlan id 10
for port in eth0 eth0.10; do
  ip link add br_$port type bridge stp_state 0 forward_delay 0; ip link set br_$port up; ip link set $port master br_$port
done
load() { for file in /load*; do nft -f $file && echo "took $file"; done; }
guest here ${cardName(mac)} ${mac} br_eth0
guest there ${cardName(otherMac)} ${otherMac} br_eth0.10
claim() { hears host $2 end; sends $1 eth0 $3; heard host "$1 $3"; }
advertise() { hears $1 eth0 after; sends host $2 $3; heard $1 "$1 $3"; }
echo before; load
claim here wire claims; claim there wire.10 claims_there
echo router
advertise here wire advertised
# As with each machine that starts.
load
claim here wire claims; claim there wire.10 claims_there
echo many
while read -r lot; do echo $lot >/lot; advertise here wire lot; done </invented
advertise there wire.10 advertised_there
claim here wire claims; claim here wire as_invented; claim there wire.10 claims_there
`;

test("on a node's kernel a router that was heard on one network takes no address from a guest of another, nor do any number of them room", async () => {
  const loads = await loadsFor([card(11), card(12, { segment: { physicalInterface: "eth0", vlan: 10, mtu: 1500 } })]);
  const lots = invented(2000);
  const advertised = [frame("router", advertises(ownChoice)), frame("forged", advertises(linkLocals.get(mac) ?? ""))];
  const lines = await onDebianKernel(script, {
    ...frameFiles,
    ...Object.fromEntries(loads.map((rules, n) => [`load${n}`, rules])),
    claims: claims(mac).join(" "),
    claims_there: claims(otherMac).join(" "),
    advertised: [...advertised, after].join(" "),
    advertised_there: [frame("router", advertises(ownChoice)), after].join(" "),
    invented: lots
      .map((lot) => `${[...lot.map((one) => frame("invented", advertises(one))), after].join(" ")}\n`)
      .join(""),
    as_invented: [...(lots.at(-1) ?? []).map((one) => has("invented", mac, one)), end(mac)].join(" "),
  });
  const all = "has tells asks own end ";
  const took = loads.map((_rules, n) => `took /load${n}`);
  assert.deepEqual(lines.slice(lines.indexOf("before"), lines.indexOf("THE END") - 1), [
    ...["before", ...took, `here claims ${all}`, `there claims_there ${all}`],
    ...["router", "here advertised router forged after ", ...took],
    ...["here claims own end ", `there claims_there ${all}`],
    ...["many", ...lots.map(() => "here lot invented after "), "there advertised_there router after "],
    // Of so many at once few are remembered.
    ...["here claims own end ", "here as_invented invented end ", "there claims_there own end "],
  ]);
});

test("on a kernel that does not tell bridges a router that was heard on one network takes its address from the guests of all, and is not forgotten for any number of them", async (t) => {
  const { wire, host, start, ear } = await bed(t, { lacks: "meta ibrname" });
  await wire.bridge("sw1");
  await wire.cable("port2", "sw1", host, "eth1");
  const segment = { physicalInterface: "eth1", vlan: null, mtu: 1500 };
  const [guest, elsewhere] = [await start(11, card(11)), await start(12, card(12, { segment }))];
  const outside = await ear(wire, "port1");
  const here = { mac, guest, outside };
  const there = { mac: otherMac, guest: elsewhere, outside: await ear(wire, "port2") };
  const claimed = async (at: { mac: string; guest: Guest; outside: Ear }) => {
    await send(at.guest, ...claims(at.mac));
    return at.outside.until("end");
  };
  const all = ["asks", "has", "own", "tells"];
  assert.deepEqual([await claimed(here), await claimed(there)], [all, all]);
  const stranger = await wire.guest("stranger", "sw0", router);
  const inside = await ear(host, "eth0", `guest-${cardName(mac)}`);
  const advertised = async (word: string, sources: readonly string[]) => {
    await send(stranger, ...sources.map((source) => frame(word, advertises(source))), after);
    const heard = await inside.until("after");
    assert.ok(heard.includes(word), heard.join());
    await outside.until("after");
  };
  await advertised("router", [ownChoice]);
  assert.deepEqual([await claimed(here), await claimed(there)], [["own"], ["own"]]);
  for (const lot of invented(2000)) await advertised("invented", lot);
  assert.deepEqual([await claimed(here), await claimed(there)], [["own"], ["own"]]);
});
