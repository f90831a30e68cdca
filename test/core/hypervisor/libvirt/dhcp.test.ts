import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { DhcpServers } from "../../../../core/hypervisor/libvirt/network/dhcp.ts";
import { dhcpFiles, isClient } from "../../../../core/hypervisor/libvirt/network/dhcp-files.ts";
import { Links } from "../../../../core/hypervisor/libvirt/network/links.ts";
import { type NicSpec, nicSpec } from "../../../../core/hypervisor/nic-spec.ts";
import type { RunResult } from "../../../../core/node/machine.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { nicOf, uuidOf } from "../conformance.ts";

const uuid = uuidOf(0xa00);

function card(n: number, more: Partial<NicSpec> = {}): NicSpec {
  const address = { ip: `10.0.0.${n}`, prefixLen: 24, gateway: "10.0.0.1" };
  return nicOf(n, { address, dhcpServer: { ip: "10.0.0.250", prefixLen: 24 }, dns: ["10.0.0.2"], ...more });
}

function server(...cards: NicSpec[]) {
  const clients = cards.filter(isClient);
  return { l3NetworkUuid: uuid, bridge: "br_eth0", mtu: 1500, ip: "10.0.0.250", prefixLen: 24, clients };
}

test("each card is told what is its own, in whatever order they came; other subnets of the network too", () => {
  const other = { ip: "10.0.1.5", prefixLen: 25, gateway: "10.0.1.1" };
  const cards = [card(12, { address: other }), card(11, { isDefaultRoute: false, domain: "example.com", dns: [] })];
  const files = dhcpFiles(server(...cards), "/f");
  assert.deepEqual(files, dhcpFiles(server(...cards.toReversed()), "/f"));
  assert.deepEqual(files.hosts.split("\n"), [
    "52:54:00:00:00:0b,set:m52540000000b,10.0.0.11,vm-11",
    "52:54:00:00:00:0c,set:m52540000000c,10.0.1.5,vm-12",
    "",
  ]);
  assert.deepEqual(files.options.split("\n"), [
    "tag:m52540000000b,option:router",
    "tag:m52540000000b,option:dns-server",
    "tag:m52540000000b,option:domain-name,example.com",
    "tag:m52540000000c,option:router,10.0.1.1",
    "tag:m52540000000c,option:dns-server,10.0.0.2",
    "",
  ]);
  const conf = files.conf.split("\n");
  for (const line of [
    "port=0",
    "dhcp-ignore=tag:!known",
    "dhcp-range=10.0.0.0,static,255.255.255.0,24h",
    "dhcp-range=10.0.1.0,static,255.255.255.128,24h",
    "shared-network=dhcp0,10.0.1.0",
  ])
    assert.ok(conf.includes(line), line);
});

test("a card without an address, of IPv6, or of a network without a server gets no answer", () => {
  const six = { ip: "fd00::5", prefixLen: 64, gateway: null };
  assert.deepEqual(
    [card(1), card(1, { address: null }), card(1, { address: six }), card(1, { dhcpServer: null })].map(isClient),
    [true, false, false, false],
  );
});

test("a card that would say something else to dnsmasq, nft or ip is none", () => {
  assert.ok(nicSpec.safeParse(card(1)).success);
  const wrong: Record<string, unknown>[] = [
    { domain: "a,option:router,10.6.6.6" },
    { domain: "a\nport=53" },
    { hostName: "web,10.6.6.6" },
    { hostName: "Web" },
    { hostName: "" },
    { mac: "52:54:00:00:00:0b,ignore" },
    { dns: ["10.0.0.2,10.0.0.3"] },
    { dns: ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"] },
    { l3NetworkUuid: "../../etc" },
    { address: { ip: "10.0.0.5", prefixLen: 33, gateway: null } },
    { address: { ip: "10.0.0.5/24", prefixLen: 24, gateway: null } },
    { segment: { physicalInterface: "-all", vlan: null, mtu: 1500 } },
    { segment: { physicalInterface: "eth0; reboot", vlan: null, mtu: 1500 } },
    { segment: { physicalInterface: "../eth0", vlan: null, mtu: 1500 } },
    { segment: { physicalInterface: "eth0", vlan: 4095, mtu: 1500 } },
    { segment: { physicalInterface: "eth0", vlan: null, mtu: 1 } },
    { bridge: "br0" },
  ];
  for (const each of wrong)
    assert.equal(nicSpec.safeParse({ ...card(1), ...each }).success, false, JSON.stringify(each));
});

test("where systemd runs, a server is a unit of its own, which does not end with the agent's", async (t) => {
  const { path, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  const told: string[] = [];
  const run = async (program: string, args: readonly string[]): Promise<RunResult> => {
    const command = [program, ...args].join(" ");
    if (!/ show| list| pids |^test|^sysctl/.test(command)) told.push(command.replaceAll(path, ""));
    return { code: 0, stdout: command.includes("show") ? "[]" : "", stderr: "" };
  };
  mkdirSync(`${path}/networks`);
  const servers = new DhcpServers(new Links({ run }), `${path}/networks/dhcp`);
  await servers.ensure(server(card(11)), { isThorough: true });
  const unit = `binnacle-dhcp-${uuid}.service`;
  const command = `ip netns exec binnacle-${uuid} dnsmasq --conf-file=/networks/dhcp/${uuid}/conf --keep-in-foreground`;
  assert.deepEqual(told.slice(-3, -1), [
    `ip netns exec binnacle-${uuid} dnsmasq --conf-file=/networks/dhcp/${uuid}/conf --test`,
    `systemctl stop ${unit}`,
  ]);
  assert.match(
    told.at(-1) ?? "",
    new RegExp(`^systemd-run --quiet --collect --unit=${unit} .*--property=Restart=always .*-- ${command}$`),
  );
  told.length = 0;
  await servers.removeOthers(new Set());
  assert.ok(told.includes(`systemctl stop ${unit}`));
});
