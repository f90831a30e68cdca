import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HostNetworks } from "../../../core/hypervisor/libvirt/host-networks.ts";
import type { NicSpec } from "../../../core/hypervisor/nic-spec.ts";
import { Computer, Guest } from "../../support/hypervisor/wire.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { until } from "../../support/spaces.ts";
import { undoAfter } from "../../support/undo.ts";
import { nicOf, refuses, uuidOf } from "./conformance.ts";

/* The networks of machines on real hosts: the kernel's bridges, nftables and dnsmasq; a guest is a namespace. */

const gateway = "10.0.0.1";
const serverIp = "10.0.0.250";

/** A card with its address. */
function card(n: number, more: Partial<NicSpec> = {}): NicSpec {
  const ip = `10.0.0.${n}`;
  return nicOf(n, {
    address: { ip, prefixLen: 24, gateway },
    dns: ["10.0.0.2", "10.0.0.3"],
    domain: "example.com",
    hostName: `web-${n}`,
    dhcpServer: { ip: serverIp, prefixLen: 24 },
    ...more,
  });
}

/** So many hosts whose eth0 leads to one wire, with the router of its network. */
async function bed(t: TestContext, many: number) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  // dnsmasq looks into it as nobody.
  chmodSync(folder.path, 0o755);
  const start = async (name: string) => {
    const computer = new Computer(join(folder.path, name), name);
    undoAfter(t, () => computer.cutPower());
    await computer.start();
    return computer;
  };
  const wire = await start("wire");
  await wire.bridge("sw0");
  await wire.run("ip", "address", "add", `${gateway}/24`, "dev", "sw0");
  const hosts = [];
  for (let n = 1; n <= many; n++) {
    const host = await start(`host-${n}`);
    await wire.cable(`port${n}`, "sw0", host, "eth0");
    hosts.push(new Host(host));
  }
  return { wire, hosts };
}

/** A host with an agent's networks, and the machines that are said to run there. */
class Host {
  readonly computer: Computer;
  readonly on = new Set<string>();
  networks: HostNetworks;

  constructor(computer: Computer) {
    this.computer = computer;
    this.networks = this.agent();
  }

  agent(): HostNetworks {
    return new HostNetworks({ machine: this.computer.machine, folder: join(this.computer.folder, "networks") });
  }

  /** A machine is started; its guest is on the wire. */
  async start(n: number, ...nics: NicSpec[]) {
    return this.networks.starting(uuidOf(n), nics, async (bridges) => {
      this.on.add(uuidOf(n));
      const [nic] = nics;
      return this.computer.guest(`vnet${n}`, bridges.get(0) ?? "", nic?.mac ?? "");
    });
  }

  settle(): Promise<void> {
    const machines = [...this.on].map((uuid) => ({ uuid, state: "running" as const }));
    return this.networks.settle(async () => machines);
  }

  /** All that networks of machines could leave behind. */
  async left() {
    const names = async (...show: string[]) =>
      (await this.computer.run("ip", "-o", "link", "show", ...show)).match(/(?<=^\d+: )[^:@]+/gm) ?? [];
    return {
      bridges: await names("type", "bridge"),
      cables: (await names("type", "veth")).filter((name) => name.startsWith("bnd")),
      namespaces: (await this.computer.run("ip", "netns", "list")).match(/binnacle\S+/g) ?? [],
      servers: (await this.computer.try("pgrep", "-a", "dnsmasq")).stdout.trim(),
      rules: (await this.computer.run("nft", "list", "ruleset")).trim(),
    };
  }
}

const nothing = { bridges: [], cables: [], namespaces: [], servers: "", rules: "" };

test("a machine is told its address by its own host, whatever else answers on the wire; nobody else is told by us", async (t) => {
  const { wire, hosts } = await bed(t, 2);
  const [one, two] = hosts;
  assert.ok(one !== undefined && two !== undefined);
  const first = await one.start(11, card(11));
  const second = await two.start(12, card(12, { isDefaultRoute: false, domain: null }));
  const stranger = await wire.guest("stranger", "sw0", "52:54:00:00:00:99");
  assert.equal(await stranger.lease({ tries: 3 }), undefined, "a client of the data centre hears none of ours");

  // The data centre's own server knows them all, and is nearer to some.
  const foreign = ["--port=0", "--interface=sw0", "--bind-interfaces", "--no-ping", "--leasefile-ro", "--pid-file="];
  const range = ["--conf-file=/dev/null", "--dhcp-authoritative", "--dhcp-range=10.0.0.100,10.0.0.200,1h"];
  await wire.run("dnsmasq", ...foreign, ...range);
  assert.equal((await stranger.lease())?.["serverid"], gateway);
  for (let again = 0; again < 3; again++)
    assert.deepEqual(await first.lease(), {
      ip: "10.0.0.11",
      mask: "24",
      router: gateway,
      dns: "10.0.0.2 10.0.0.3",
      domain: "example.com",
      hostname: "web-11",
      serverid: serverIp,
    });
  assert.deepEqual(await second.lease(), {
    ip: "10.0.0.12",
    mask: "24",
    dns: "10.0.0.2 10.0.0.3",
    hostname: "web-12",
    serverid: serverIp,
  });
  // Of a further range of the network.
  const third = await one.start(13, card(13, { address: { ip: "10.0.1.13", prefixLen: 24, gateway: "10.0.1.1" } }));
  const { ip, router } = (await third.lease()) ?? {};
  assert.deepEqual([ip, router], ["10.0.1.13", "10.0.1.1"]);
  assert.ok(await first.reaches("10.0.0.12"), "machines reach each other over the wire");
  assert.ok(await first.reaches(gateway));
  assert.ok(await first.reaches(serverIp), "its own server");
  assert.equal(await stranger.reaches(serverIp), false, "whose address nobody else has ever heard of");
  const space = `binnacle-${uuidOf(0xa00)}`;
  const wish = ["ip", "netns", "exec", space, "ping", "-c", "1", "-W", "1", gateway];
  assert.notEqual((await one.computer.try(...wish)).code, 0, "nor does it reach anybody but its machines");
  const known = await wire.run("ip", "neighbour", "show", "dev", "sw0");
  assert.ok(!known.includes("lladdr f6:"), known);
  const heard = await one.computer.run("ip", "-n", space, "neighbour", "show");
  assert.ok(heard.includes("lladdr 52:54:00:00:00:0b") && !heard.includes("lladdr 52:54:00:00:00:99"), heard);
  await one.computer.run("pkill", "-KILL", "dnsmasq");
  assert.equal(await first.lease({ tries: 3 }), undefined, "rather no answer than another one's");
});

test("an entry goes with its machine, and its address is given to another one at once", async (t) => {
  const { hosts } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const first = await host.start(11, card(11));
  const second = await host.start(12, card(12));
  assert.equal((await first.lease())?.["ip"], "10.0.0.11");
  host.on.delete(uuidOf(11));
  await host.settle();
  assert.equal(await first.lease({ tries: 2 }), undefined);
  assert.equal((await second.lease())?.["ip"], "10.0.0.12");
  const third = await host.start(13, card(13, { address: { ip: "10.0.0.11", prefixLen: 24, gateway } }));
  assert.equal((await third.lease())?.["ip"], "10.0.0.11");
  await third.unplug();
  await second.unplug();
  await first.unplug();
  host.on.clear();
  await host.settle();
  assert.deepEqual(await host.left(), nothing);
});

test("a card that comes to a machine that runs is told its address when it comes, and nothing of it stays when it does not, or goes", async (t) => {
  const { hosts, wire } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  await wire.cable("second", "sw0", host.computer, "eth1");
  const first = await host.start(11, card(11));
  const [l3NetworkUuid, segment] = [uuidOf(0xb000000000), { physicalInterface: "eth1", vlan: null, mtu: 1500 }];
  const more = card(12, { deviceId: 1, l3NetworkUuid, segment });
  // A guest's end is known by its name when it is there.
  await host.settle();
  const before = await host.left();
  const broken = new Error("It does not come.");
  const failing = host.networks.plugging(uuidOf(11), [card(11), more], async (bridges) => {
    assert.equal(bridges.get(1), "br_eth1");
    assert.equal((await host.left()).namespaces.length, 2, "its network is there before it");
    throw broken;
  });
  await assert.rejects(failing, broken);
  assert.deepEqual(await host.left(), before);
  await refuses(
    host.networks.plugging(
      uuidOf(11),
      [card(11), card(13, { segment: { ...segment, physicalInterface: "eth7" } })],
      async () => assert.fail("It has no network."),
    ),
    "HYPERVISOR.NETWORK_NO_INTERFACE",
  );
  assert.deepEqual(await host.left(), before);
  assert.equal((await first.lease())?.["ip"], "10.0.0.11");

  for (let twice = 0; twice < 2; twice++)
    await host.networks.plugging(uuidOf(11), [card(11), more], async (bridges) => {
      if (twice === 0) await host.computer.guest("vnet12", bridges.get(1) ?? "", more.mac);
    });
  const second = new Guest(host.computer, "guest-vnet12", "vnet12");
  assert.equal((await second.lease())?.["ip"], "10.0.0.12");
  host.networks = host.agent();
  await host.settle();
  assert.equal((await second.lease())?.["ip"], "10.0.0.12");
  await second.unplug();
  for (let twice = 0; twice < 2; twice++) await host.networks.unplugged(uuidOf(11), [card(11)]);
  assert.deepEqual(await host.left(), before);
  assert.equal((await first.lease())?.["ip"], "10.0.0.11");
});

test("a server that has crashed, or was torn out, is back when the agent is started anew, and two networks have two", async (t) => {
  const { hosts } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const guest = await host.start(11, card(11));
  // Two networks of the same addresses, and one without any.
  const other = await host.start(12, card(12, { l3NetworkUuid: uuidOf(0xb000000000), address: null }));
  const third = await host.start(13, card(13, { l3NetworkUuid: uuidOf(0xc000000000), hostName: "third" }));
  const harms = [
    ["pkill", "-KILL", "dnsmasq"],
    ["ip", "link", "delete", `bnd${uuidOf(0xa00).slice(0, 12)}`],
    ["nft", "flush", "ruleset"],
    // As NetworkManager does when it is given a profile for the bridge.
    ["sh", "-c", "ip link set vnet11 nomaster && ip link set vnet13 nomaster"],
    ["sh", "-c", `rm -r ${host.computer.folder}/networks/dhcp`],
  ];
  for (const harm of harms) {
    await host.computer.run(...harm);
    host.networks = host.agent();
    await host.settle();
    assert.equal((await guest.lease())?.["hostname"], "web-11", harm.join(" "));
    assert.equal((await third.lease())?.["hostname"], "third", harm.join(" "));
  }
  assert.equal(await other.lease({ tries: 2 }), undefined);
  assert.equal((await host.left()).servers.split("\n").length, 2);
});

test("a host is never cut off: an interface with its own address is refused until a bridge is over it", async (t) => {
  const { hosts, wire } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { computer } = host;
  await computer.run("ip", "address", "add", "10.0.0.2/24", "dev", "eth0");
  await computer.run("ip", "link", "set", "eth0", "up");
  const reachesHost = async () => (await wire.try("ping", "-c", "1", "-W", "5", "10.0.0.2")).code === 0;
  const error = await refuses(host.start(11, card(11)), "HYPERVISOR.NETWORK_HOST_ADDRESS");
  assert.match(error.remedy ?? "", /zs-network-setting -b eth0/);
  assert.ok(await reachesHost());
  assert.deepEqual(await host.left(), nothing);

  const missing = card(11, { segment: { physicalInterface: "eth7", vlan: null, mtu: 1500 } });
  await refuses(host.start(11, missing), "HYPERVISOR.NETWORK_NO_INTERFACE");
  // As an administrator does it: the address moves to the bridge.
  await computer.bridge("lan");
  await computer.run("ip", "address", "flush", "dev", "eth0");
  await computer.run("ip", "link", "set", "eth0", "master", "lan");
  await computer.run("ip", "address", "add", "10.0.0.2/24", "dev", "lan");
  const wide = card(11, { segment: { physicalInterface: "eth0", vlan: null, mtu: 9000 } });
  await refuses(host.start(11, wide), "HYPERVISOR.NETWORK_MTU");
  const guest = await host.start(11, card(11));
  assert.equal((await guest.lease())?.["ip"], "10.0.0.11");
  assert.ok(await guest.reaches("10.0.0.2"));
  assert.ok(await reachesHost());
  host.on.clear();
  await host.settle();
  assert.deepEqual(await host.left(), { ...nothing, bridges: ["lan"] });
  assert.ok(await reachesHost());
});

test("a bridge of ours is as wide as its networks, speaks no IPv6, and becomes an administrator's with an address", async (t) => {
  const { hosts } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { computer } = host;
  const wide = { physicalInterface: "eth0", vlan: null, mtu: 9000 };
  const guest = await host.start(11, card(11, { segment: wide }));
  assert.equal((await guest.lease())?.["mtu"], "9000");
  for (const name of ["eth0", "br_eth0"]) assert.match(await computer.run("ip", "link", "show", name), /mtu 9000/);
  assert.equal((await computer.run("cat", "/proc/sys/net/ipv6/conf/br_eth0/disable_ipv6")).trim(), "1");
  await computer.run("ip", "address", "add", "10.0.0.2/24", "dev", "br_eth0");
  await guest.unplug();
  host.on.clear();
  await host.settle();
  assert.deepEqual(await host.left(), { ...nothing, bridges: ["br_eth0"] });
  assert.match(await computer.run("ip", "link", "show", "eth0"), /mtu 9000/);
  await computer.run("ip", "address", "flush", "dev", "br_eth0");
  // With its next thorough look, as an agent has when it is started anew: of this nobody tells it.
  host.networks = host.agent();
  await host.settle();
  assert.deepEqual(await host.left(), nothing);
  assert.match(await computer.run("ip", "link", "show", "eth0"), /mtu 1500/);
});

test("however often the agent is killed while machines come and go, nothing is left when the last one has stopped", async (t) => {
  const { hosts, wire } = await bed(t, 1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { computer } = host;
  await wire.cable("second", "sw0", computer, "eth1");
  const on = join(computer.folder, "on");
  const seed = Math.floor(Math.random() * 2 ** 32);
  t.diagnostic(`seed ${seed}`);
  for (let round = 0; round < 8; round++) {
    const program = join(import.meta.dirname, "networks-agent.real-child.ts");
    const agent = spawn(process.execPath, [program, String(computer.pid), computer.folder, String(seed + round)]);
    undoAfter(t, () => void agent.kill("SIGKILL"));
    const killed = once(agent, "exit");
    // In the middle of whatever comes next.
    let lines = 0;
    let under: string[] = [];
    agent.stdout.on("data", (chunk: Buffer) => {
      lines += String(chunk).split("\n").length - 1;
      if (lines <= round % 4 || agent.killed) return;
      under = childrenOf(agent.pid ?? 0);
      agent.kill("SIGKILL");
    });
    await killed;
    // Commands that it has begun go on without it; the next agent looks at what they leave, not at what they are doing.
    await until("its commands to end", () => !under.some(isAlive), 120_000);
    assert.ok(lines > 0);
    host.on.clear();
    for (const uuid of readdirSync(on)) host.on.add(uuid);
    host.networks = host.agent();
    await host.settle();
    const { cables, namespaces, servers } = await host.left();
    assert.equal(namespaces.length, cables.length);
    assert.equal(servers === "" ? 0 : servers.split("\n").length, cables.length);
    assert.equal(cables.length > 0, host.on.size > 0);
  }
  host.on.clear();
  const unreadable = join(computer.folder, "networks/machines", `${uuidOf(99)}.json`);
  writeFileSync(unreadable, "{");
  await host.settle();
  assert.deepEqual(await host.left(), nothing);
  const files = await computer.run("find", join(computer.folder, "networks"), "-type", "f");
  assert.equal(files, "");
});

function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

function isAlive(pid: string): boolean {
  try {
    // One that has ended and that nobody has asked for is in state Z.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
