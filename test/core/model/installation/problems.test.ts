import assert from "node:assert/strict";
import { test } from "node:test";
import { firstDraft } from "../../../../core/model/installation/defaults.ts";
import { draftPlan } from "../../../../core/model/installation/disk-problems.ts";
import type { Draft, NetworkAnswers } from "../../../../core/model/installation/draft.ts";
import type { Hardware } from "../../../../core/model/installation/hardware.ts";
import { draftProblems } from "../../../../core/model/installation/problems.ts";
import { machine } from "../../../iso/answers/fixtures.ts";

const hash = `$6$saltsalt$${"a".repeat(86)}`;
const server = machine("server");
const ready: Draft = { ...firstDraft(server), passwords: { root: hash, admin: hash } };

function codes(draft: Draft, hardware: Hardware = server): string[] {
  return draftProblems(draft, hardware).map(({ code }) => code);
}
const withNetwork = (network: Partial<NetworkAnswers>): Draft => ({
  ...ready,
  network: { ...ready.network, ...network },
});
const withDisk = (disk: Partial<Draft["disk"]>): Draft => ({ ...ready, disk: { ...ready.disk, ...disk } });

test("who presses Enter all the way lacks nothing but the passwords", () => {
  const draft = firstDraft(server);
  assert.equal(draft.role, "management");
  assert.deepEqual(draft.locale, { language: "en_US", keyboard: "us", timezone: "Asia/Shanghai" });
  assert.equal(draft.disk.disk, "sdb");
  assert.equal(draft.network.hostname, "binnacle-123456");
  assert.deepEqual(draft.network.links, ["eno1"]);
  assert.deepEqual([draft.network.ipv4.method, draft.network.ipv6.method], ["dhcp", "auto"]);
  assert.deepEqual(codes(draft), ["PASSWORD.MISSING", "PASSWORD.MISSING"]);
  assert.deepEqual(codes(ready), []);
});

test("the preselected disk is healthy, inside and empty before it is first", () => {
  const order = (...names: string[]) => {
    const disks = server.disks.filter(({ name }) => names.includes(name));
    return firstDraft({ ...server, disks }).disk.disk;
  };
  assert.equal(order("sda", "sdc"), "sda");
  assert.equal(order("sda", "sde"), "sda");
  assert.equal(order("sde"), "sde");
  assert.equal(order("sdd"), null);
});

test("a machine without carrier, card or disk still gets a draft, and a name of its own", () => {
  const links = server.links.map((link) => ({ ...link, carrier: false }));
  assert.deepEqual(firstDraft({ ...server, links }).network.links, ["eno1"]);
  assert.equal(firstDraft({ ...server, links: [] }).network.hostname, "binnacle-501234");
  const bare = firstDraft({ ...server, links: [], disks: [] });
  assert.match(bare.network.hostname, /^binnacle-[\da-f]{6}$/);
  assert.deepEqual(bare.network.links, []);
});

test("a machine below the minimum may go on, with warnings", () => {
  const problems = draftProblems({ ...ready, disk: { ...ready.disk, disk: "vdb", erase: true } }, machine("small"));
  const least = problems.filter(({ section }) => section === "role");
  assert.deepEqual(
    least.map(({ code, severity }) => `${severity} ${code}`),
    ["CPUS", "MEMORY", "VIRTUALIZATION_ABSENT", "CLOCK"].map((word) => `warning HARDWARE.${word}`),
  );
  assert.deepEqual(codes(ready, { ...server, cpus: 4, memoryBytes: 7.75 * 1024 ** 3 }), []);
  assert.deepEqual(codes({ ...ready, role: "expert" }, { ...server, cpus: 2, memoryBytes: 2e9 }), []);
});

const diskCases: [what: string, disk: Partial<Draft["disk"]>, expected: string[]][] = [
  ["no disk", { disk: null }, ["DISK.NONE"]],
  ["an unknown disk", { disk: "sdz" }, ["DISK.UNKNOWN"]],
  ["the medium", { disk: "sdd" }, ["DISK.UNUSABLE"]],
  ["a disk with data", { disk: "sda" }, ["DISK.ERASE"]],
  ["a disk with data that may be erased", { disk: "sda", erase: true }, []],
  ["a failing disk", { disk: "sde" }, ["DISK.FAILING"]],
  ["a mirror that is the disk", { mirror: "sdb" }, ["DISK.MIRROR_SAME"]],
  ["a mirror with data", { mirror: "sda" }, ["DISK.ERASE"]],
  ["a mirror that is much larger", { mirror: "sde" }, ["DISK.FAILING", "DISK.MIRROR_SIZES"]],
  ["a mirror with other sectors", { mirror: "sdc", erase: true }, ["DISK.MIRROR_SECTORS"]],
];
for (const [what, disk, expected] of diskCases) {
  test(`disk: ${what}`, () => assert.deepEqual(codes(withDisk(disk)), expected));
}

test("both halves of a mirror are cut alike, as the smaller of them", () => {
  const plan = draftPlan(withDisk({ disk: "sde", mirror: "sdb" }), server);
  const of = (name: string) =>
    plan.filter(({ disk }) => disk === name).map(({ startBytes, sizeBytes }) => [startBytes, sizeBytes]);
  assert.equal(of("sde").length, 4);
  assert.deepEqual(of("sde"), of("sdb"));
});

const bond = (mode: "active-backup" | "802.3ad", name = "bond0") => ({ name, mode });
const four = (address: string, prefix: number, gateway: string | null = null): Partial<NetworkAnswers> => ({
  ipv4: { method: "static", address, prefix, gateway },
  ipv6: { method: "none" },
  nameServers: ["10.0.0.2"],
});
const networkCases: [what: string, network: Partial<NetworkAnswers>, expected: string[]][] = [
  ["localhost", { hostname: "localhost" }, ["HOSTNAME.WRONG"]],
  ["no interface", { links: [] }, ["NET.NO_LINK"]],
  ["an unknown interface", { links: ["eth9"] }, ["NET.LINK_UNKNOWN"]],
  ["no carrier", { links: ["eno2"] }, ["NET.NO_CARRIER"]],
  ["two interfaces without a bond", { links: ["eno1", "enp59s0f0np0"] }, ["NET.LINKS_WITHOUT_BOND"]],
  ["a bond without a leg", { links: [], bond: bond("active-backup") }, ["NET.BOND_NO_LEG"]],
  ["a bond with one leg", { bond: bond("active-backup") }, ["NET.BOND_ONE_LEG"]],
  ["a leg twice", { links: ["eno1", "eno1"], bond: bond("active-backup") }, ["NET.LINK_TWICE"]],
  ["legs of two speeds", { links: ["eno1", "enp59s0f0np0"], bond: bond("802.3ad") }, ["NET.BOND_SPEEDS"]],
  [
    "a bond named as a card",
    { links: ["eno1", "enp59s0f0np0"], bond: bond("active-backup", "eno2") },
    ["NET.BOND_NAME_TAKEN"],
  ],
  ["VLAN 0", { vlan: 0 }, ["NET.VLAN_RANGE"]],
  ["a VLAN whose name is too long", { links: ["enp59s0f0np0"], vlan: 4000 }, ["NET.VLAN_NAME"]],
  ["a right static address", four("10.0.0.5", 24, "10.0.0.1"), []],
  ["the two addresses of a /31", four("10.0.0.0", 31, "10.0.0.1"), []],
  ["no address", four("10.0.0", 24), ["NET.ADDRESS"]],
  ["a prefix of 33", four("10.0.0.5", 33), ["NET.PREFIX"]],
  ["the broadcast address", four("10.0.0.255", 24), ["NET.ADDRESS_OF_NETWORK"]],
  ["multicast", four("224.0.0.5", 24), ["NET.ADDRESS_KIND"]],
  ["a gateway outside", four("10.0.0.5", 24, "10.0.1.1"), ["NET.GATEWAY_OUTSIDE"]],
  ["a gateway that is the network", four("10.0.0.5", 24, "10.0.0.0"), ["NET.GATEWAY_OUTSIDE"]],
  ["a gateway that is the machine", four("10.0.0.5", 24, "10.0.0.5"), ["NET.GATEWAY_IS_ADDRESS"]],
  ["a loopback gateway", four("10.0.0.5", 24, "127.0.0.1"), ["NET.GATEWAY_KIND"]],
  ["a gateway by name", four("10.0.0.5", 24, "router"), ["NET.GATEWAY"]],
  ["no name server", { ...four("10.0.0.5", 24), nameServers: [] }, ["NET.NO_NAME_SERVER"]],
  ["no address at all", { ipv4: { method: "none" }, ipv6: { method: "none" } }, ["NET.NO_ADDRESS"]],
  [
    "a fourth name server",
    { nameServers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] },
    ["NET.NAME_SERVERS_MANY"],
  ],
  ["wrong servers", { nameServers: ["dns"], timeServers: ["a_b"] }, ["NET.NAME_SERVER", "NET.TIME_SERVER"]],
];
for (const [what, network, expected] of networkCases) {
  test(`network: ${what}`, () => assert.deepEqual(codes(withNetwork(network)), expected));
}

test("only a management node needs the administrator's password, and a password itself is no hash", () => {
  const passwords = { root: hash, admin: null };
  assert.deepEqual(codes({ ...ready, passwords }), ["PASSWORD.MISSING"]);
  assert.deepEqual(codes({ ...ready, role: "compute", passwords }), []);
  const plain = draftProblems({ ...ready, passwords: { root: "Sesame-4711", admin: hash } }, server);
  assert.deepEqual(
    plain.map(({ code }) => code),
    ["PASSWORD.HASH"],
  );
  assert.ok(!JSON.stringify(plain).includes("Sesame"));
});

test("keyboard and time zone must be known, by any of their names", () => {
  const locale = (keyboard: string, timezone: string) =>
    codes({ ...ready, locale: { language: "en_US", keyboard, timezone } });
  assert.deepEqual(locale("xx", "Mars/Olympus"), ["LOCALE.KEYBOARD", "LOCALE.TIMEZONE"]);
  assert.deepEqual(locale("de", "asia/shanghai"), ["LOCALE.TIMEZONE"]);
  for (const zone of ["UTC", "Asia/Kolkata", "Asia/Calcutta", "America/Argentina/Buenos_Aires", "Etc/GMT+8"]) {
    assert.deepEqual(locale("cn", zone), [], zone);
  }
});
