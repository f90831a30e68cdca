import assert from "node:assert/strict";
import { test } from "node:test";
import { cardName } from "../../../core/hypervisor/libvirt/network/links.ts";
import { networkBed as bed, card, gateway } from "../../support/hypervisor/frame-bed.ts";
import {
  arp,
  fragment6,
  frame,
  icmp6,
  options6,
  packet4,
  packet6,
  send,
  udp,
} from "../../support/hypervisor/frames.ts";
import type { Computer } from "../../support/hypervisor/wire.ts";
import { nicOf, refuses, uuidOf } from "./conformance.ts";

/* What guests may send, on the kernel's own bridges: frames that are made by hand, and who hears them. */

const [own, other, router] = ["52:54:00:00:00:0b", "52:54:00:00:00:0c", "52:54:00:00:00:01"];
const everybody = "ff02:0:0:0:0:0:0:1";
const linkLocal = "fe80:0:0:0:5054:ff:fe00:b";
/** Of no MAC address: RFC 7217. */
const ownChoice = "fe80:0:0:0:6a1c:9d02:77e1:3b5f";
const othersLocal = "fe80:0:0:0:5054:ff:fe00:1";

/** Whether this kernel follows connections in bridges. */
async function canFollow(host: Computer): Promise<boolean> {
  const rule =
    "add table bridge t; add chain bridge t c { type filter hook forward priority 0; }; add rule bridge t c ct state new";
  const { code } = await host.try("unshare", "-n", "nft", rule);
  return code === 0;
}

const from = own;
const four = (source: string, content: Buffer = udp(5000, 5000), protocol = 17) => ({
  ...{ from, type: 0x0800, content: packet4(source, "10.0.0.255", protocol, content) },
});
const six = (source: string, content: Buffer, protocol = 58) => ({
  ...{ from, type: 0x86dd, content: packet6(source, everybody, protocol, content) },
});
const mine = four("10.0.0.11");

/** By their words, which are what the test says of them. */
const allowed = {
  "its own packet": mine,
  "asks by its own address": { from, type: 0x0806, content: arp(1, own, "10.0.0.11", gateway) },
  "asks whether its address is free": { from, type: 0x0806, content: arp(1, own, "0.0.0.0", "10.0.0.11") },
  "says where it has moved to": { from, type: 0x8035, content: arp(1, own, "0.0.0.0", "0.0.0.0") },
  "its link-local address": six(linkLocal, udp(5000, 5000), 17),
  "asks for a router": six("0:0:0:0:0:0:0:0", icmp6(133)),
  "tells its link-local address": six(linkLocal, icmp6(136, linkLocal)),
  "any address of ipv6": six("fd00:0:0:0:0:0:0:5", udp(5000, 5000), 17),
  "tells that": six(linkLocal, icmp6(136, "fd00:0:0:0:0:0:0:5")),
  "another link-local address": six(ownChoice, udp(5000, 5000), 17),
  "tells that it is its own": six(ownChoice, icmp6(136, ownChoice)),
  "asks whether that is free": six("0:0:0:0:0:0:0:0", icmp6(135, ownChoice)),
  "forwards and tells its address": six(linkLocal, icmp6(136, linkLocal, 0xe0)),
  "in parts": six(linkLocal, fragment6(17, udp(5000, 5000)), 44),
  "pings in parts": six(linkLocal, fragment6(58, icmp6(128)), 44),
};
const forbidden = {
  "another vlan": { ...mine, tags: [[0x8100, 20]] as [number, number][] },
  "a priority": { ...mine, tags: [[0x8100, 0xa000]] as [number, number][] },
  "a provider tag": { ...mine, tags: [[0x88a8, 20]] as [number, number][] },
  "two tags": {
    ...mine,
    tags: [
      [0x8100, 10],
      [0x8100, 20],
    ] as [number, number][],
  },
  "two tags of two kinds": {
    ...mine,
    tags: [
      [0x88a8, 10],
      [0x8100, 20],
    ] as [number, number][],
  },
  "a bpdu": { from, to: "01:80:c2:00:00:00", type: 38, content: Buffer.from("4242030000", "hex") },
  "a cisco bpdu": { from, to: "01:00:0c:cc:cc:cd", type: 50, content: Buffer.from("aaaa0300000c010b", "hex") },
  lacp: { from, to: "01:80:c2:00:00:02", type: 0x8809 },
  lldp: { from, to: "01:80:c2:00:00:0e", type: 0x88cc },
  "lldp to everybody": { from, type: 0x88cc },
  "an unknown protocol": { from, type: 0x88b5 },
  "a foreign mac": { ...mine, from: other },
  "a foreign address": four("10.0.0.12"),
  "no address": four("0.0.0.0"),
  "a foreign mac in arp": { from, type: 0x0806, content: arp(2, router, "10.0.0.11", "10.0.0.12") },
  "is the gateway": { from, type: 0x0806, content: arp(2, own, gateway, "10.0.0.12") },
  "gives addresses": four("10.0.0.11", udp(67, 68)),
  "is a router": six(linkLocal, icmp6(134)),
  "is a router after options": six(linkLocal, Buffer.concat([Buffer.from("3a00010400000000", "hex"), icmp6(134)]), 0),
  redirects: six(linkLocal, icmp6(137)),
  "gives addresses of ipv6": six(linkLocal, udp(547, 546), 17),
  "a link-local address of another mac": six(othersLocal, udp(5000, 5000), 17),
  "tells that of another mac": six(linkLocal, icmp6(136, othersLocal)),
  "a link-local address by hand": six("fe80:0:0:0:0:0:0:1", udp(5000, 5000), 17),
  "tells one by hand": six(linkLocal, icmp6(136, "fe80:0:0:0:0:0:0:1")),
  "asks whether one by hand is free": six("0:0:0:0:0:0:0:0", icmp6(135, "fe80:0:0:0:0:0:1:1")),
  "tells that it is a router": six(ownChoice, icmp6(136, ownChoice, 0xe0)),
  "not of the link": six("fe80:0:0:1:5054:ff:fe00:b", udp(5000, 5000), 17),
  "is a router in parts": six(linkLocal, fragment6(58, icmp6(134)), 44),
  "tells in parts": six(linkLocal, fragment6(58, icmp6(136, linkLocal)), 44),
  // Up to the end of the packet, and beyond.
  "hides what it carries": six(linkLocal, fragment6(60, options6(58, 72)), 44),
  "hides its head": six(linkLocal, fragment6(60, options6(58, 136)), 44),
};
const everything = Object.entries({ ...allowed, ...forbidden }).map(([word, what]) => frame(word, what));
const last = (word: string) => frame(word, mine);

test("a guest sends what is its own, and nothing else, from its first frame on", async (t) => {
  const { wire, host, start, ear, settle, on } = await bed(t);
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11), (first) => send(first, ...everything, last("first")));
  assert.deepEqual(await outside.until("first"), Object.keys(allowed).sort());

  const neighbour = await start(12, card(12));
  const beside = await ear(host, "eth0", `guest-${cardName(other)}`);
  await send(guest, ...everything, last("second"));
  assert.deepEqual(await beside.until("second"), Object.keys(allowed).sort());
  assert.deepEqual(await outside.until("second"), Object.keys(allowed).sort());
  await guest.unplug();
  await neighbour.unplug();
  on.clear();
  await settle();
  assert.equal((await host.run("nft", "list", "ruleset")).trim(), "");
});

test("a guest of a flat network hears nothing of the VLANs on its wire", async (t) => {
  const { wire, host, start, ear } = await bed(t);
  const stranger = await wire.guest("stranger", "sw0", router);
  await start(11, card(11));
  const flat = await ear(host, "eth0", `guest-${cardName(own)}`);
  const said = { from: router, type: 0x0800, content: packet4(gateway, "10.0.0.255", 17, udp(5000, 5000)) };
  await send(stranger, frame("tagged", { ...said, tags: [[0x8100, 20]] }), frame("plain", said), frame("end", said));
  assert.deepEqual(await flat.until("end"), ["plain"]);
});

test("on an administrator's bridge our cards are held to it, and nobody else's port", async (t) => {
  const { wire, host, start, ear } = await bed(t);
  await host.bridge("lan");
  await host.run("ip", "link", "set", "eth0", "master", "lan", "up");
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11));
  await send(guest, ...everything, last("end"));
  assert.deepEqual(await outside.until("end"), Object.keys(allowed).sort());
  const theirs = await host.guest("vnet7", "lan", other);
  await send(theirs, ...everything, last("end"));
  // Of LACP and LLDP a bridge passes nothing on by itself.
  const bridged = Object.keys({ ...allowed, ...forbidden }).filter((word) => word !== "lacp" && word !== "lldp");
  assert.deepEqual(await outside.until("end"), bridged.sort());
});

test("an administrator's bridge that speaks STP learns nothing of a guest: a card that tries is cut off", async (t) => {
  const { host, start } = await bed(t);
  await host.run("ip", "link", "add", "lan", "type", "bridge", "stp_state", "1", "forward_delay", "200");
  await host.run("ip", "link", "set", "lan", "up");
  await host.run("ip", "link", "set", "eth0", "master", "lan", "up");
  const told = async (name: string, what: RegExp) =>
    what.exec(await host.run("ip", "-details", "link", "show", name))?.[1];
  const rootId = () => told("lan", /designated_root (\S+)/);
  const stateOf = (port: string) => told(port, /bridge_slave state (\w+)/);
  const before = await rootId();
  const guest = await start(11, card(11));
  // Of a root that is better than any other: IEEE 802.1D, 9.3.1.
  const root = "000052540000000b";
  const bpdu = `0180c2000000 52540000000b 0026 424203 0000 00 00 00 ${root} 00000000 ${root} 8001 0000 1400 0200 0f00`;
  const disabled = "disabled";
  for (let tries = 0; (await stateOf(cardName(own))) !== disabled && tries < 200; tries++)
    await send(guest, bpdu.replaceAll(" ", ""));
  assert.equal(await stateOf(cardName(own)), disabled);
  assert.notEqual(await stateOf("eth0"), disabled);
  assert.ok(before !== undefined);
  assert.equal(await rootId(), before);
});

test("rules stay while the agent is away, are found by its successor, and come back after they were taken away", async (t) => {
  const { wire, host, start, ear, settle, restart } = await bed(t);
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11), undefined, "vnet3");
  const holds = async () => {
    await send(guest, ...everything, last("end"));
    return (await outside.until("end")).length === Object.keys(allowed).length;
  };
  restart();
  await settle();
  assert.ok(await holds(), "a card that a former version has plugged in");
  restart();
  assert.ok(await holds());
  await settle();
  assert.ok(await holds());
  await host.run("nft", "flush", "ruleset");
  assert.equal(await holds(), false);
  restart();
  await settle();
  assert.ok(await holds());
});

test("where a kernel can't keep the rules of security groups a card in one is shut off, does not start, and no other is worse off", async (t) => {
  const { wire, host, start, ear, setFirewall, settle, restart } = await bed(t);
  if (await canFollow(host)) {
    t.skip("this kernel follows connections in bridges");
    return;
  }
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11));
  const neighbour = await start(12, card(12));
  const groupUuid = uuidOf(0x77);
  const anybody = { way: "out", protocol: "all", ports: null, peer: null } as const;
  const inGroup = (...macs: string[]) => ({
    cards: macs.map((mac) => ({ mac, groupUuids: [groupUuid] })),
    groups: [{ uuid: groupUuid, rules: [anybody] }],
    members: [],
  });
  await refuses(setFirewall(inGroup(own, router)), "HYPERVISOR.NETWORK_FIREWALL");
  const beside = { ...mine, from: other, content: packet4("10.0.0.12", "10.0.0.255", 17, udp(5000, 5000)) };
  const heard = async () => {
    await send(guest, frame("guest", mine));
    await send(neighbour, frame("neighbour", beside), frame("end", beside));
    return outside.until("end");
  };
  assert.deepEqual(await heard(), ["neighbour"]);
  restart();
  await settle().catch(() => undefined);
  assert.deepEqual(await heard(), ["neighbour"], "its successor knows it, too");
  await refuses(start(13, card(13, { mac: router })), "HYPERVISOR.NETWORK_FIREWALL");
  await start(14, card(14));
  await setFirewall(inGroup());
  assert.deepEqual(await heard(), ["guest", "neighbour"]);
});

test("a guest of IPv6 has all addresses of its prefix but the gateway's; one without a known address is no router", async (t) => {
  const { wire, start, ear } = await bed(t);
  const outside = await ear(wire, "port1");
  const address = { ip: "fd00::b", prefixLen: 64, gateway: "fd00::1" };
  const guest = await start(11, card(11, { address }));
  const bySelf = "fd00:0:0:0:5054:ff:fe00:b";
  const [itsOwn, itsGateway] = ["fd00:0:0:0:0:0:0:b", "fd00:0:0:0:0:0:0:1"];
  await send(
    guest,
    frame("own", six(itsOwn, udp(5000, 5000), 17)),
    frame("by itself", six(bySelf, udp(5000, 5000), 17)),
    frame("tells it", six(itsOwn, icmp6(136, itsOwn))),
    frame("private", six("fd00:0:0:0:0:0:0:c", udp(5000, 5000), 17)),
    frame("tells private", six(linkLocal, icmp6(136, "fd00:0:0:0:0:0:0:c"))),
    frame("foreign", six("fd01:0:0:0:0:0:0:c", udp(5000, 5000), 17)),
    frame("tells foreign", six(linkLocal, icmp6(136, "fd01:0:0:0:0:0:0:c"))),
    frame("from gateway", six(itsGateway, udp(5000, 5000), 17)),
    frame("gateway", six(linkLocal, icmp6(136, itsGateway))),
    frame("four", mine),
    frame("end", six(itsOwn, udp(5000, 5000), 17)),
  );
  assert.deepEqual(await outside.until("end"), ["by itself", "own", "private", "tells it", "tells private"]);
  const unknown = await start(12, nicOf(12));
  const there = { ...mine, from: other };
  await send(
    unknown,
    frame("any address", there),
    frame("any protocol", { from: other, type: 0x88b5 }),
    frame("gives addresses", { ...four("10.0.0.11", udp(67, 68)), from: other }),
    frame("router", { ...six(linkLocal, icmp6(134)), from: other }),
    frame("tagged", { ...there, tags: [[0x8100, 20]] }),
    frame("foreign mac", mine),
    frame("end", there),
  );
  assert.deepEqual(await outside.until("end"), ["any address", "any protocol"]);
});
