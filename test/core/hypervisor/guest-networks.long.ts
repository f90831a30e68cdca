import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { hashOfToken } from "../../../core/hypervisor/migration/expected.ts";
import type { NicSpec } from "../../../core/hypervisor/nic-spec.ts";
import { Wire } from "../../support/cloud/wire.ts";
import { Computer } from "../../support/hypervisor/wire.ts";
import { guestShell, guestVolume } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { nicOf } from "./conformance.ts";

const never = new AbortController().signal;
const [gateway, serverIp] = ["10.0.0.1", "10.0.0.250"];

function card(n: number): NicSpec {
  const address = { ip: `10.0.0.${n}`, prefixLen: 24, gateway };
  const dhcpServer = { ip: serverIp, prefixLen: 24 };
  return nicOf(n, { address, dns: ["10.0.0.2"], domain: "example.com", hostName: `web-${n}`, dhcpServer });
}

/** A host whose eth0 leads to the wire, with an agent's driver that watches. */
async function hostOn(t: TestContext, wire: Computer, folder: string, name: string, dialing: Wire) {
  const host = new LibvirtHost(join(folder, name), name);
  undoAfter(t, () => host.cutPower());
  await host.start();
  await wire.cable(name, "sw0", host, "eth0");
  const { machine, uri } = host;
  const hostUuid = randomUUID().replaceAll("-", "");
  const migration = { dial: dialing.dialFrom(hostUuid), folder: host.migrationFolder };
  const networksFolder = join(host.folder, "networks");
  const driver = new LibvirtDriver({ machine, uri, networksFolder, hasKvm: false, migration });
  dialing.drivers.set(hostUuid, driver);
  const watching = new AbortController();
  undoAfter(t, () => watching.abort());
  driver.watch(() => undefined, watching.signal);
  const start = async (nic: NicSpec) => {
    const uuid = randomUUID().replaceAll("-", "");
    const path = join(folder, `${uuid}.qcow2`);
    await guestVolume(path);
    const disks = [{ volumeUuid: uuid, path, format: "qcow2" as const }];
    const spec = { uuid, name: nic.hostName, cpuNum: 1, memorySize: 128 * 1024 ** 2, disks, nics: [nic] };
    await driver.carryOut({ do: "startMachine", machine: spec }, never);
    const { shell, line } = await guestShell(host, uuid);
    undoAfter(t, () => line.close());
    return { uuid, spec, shell, line };
  };
  /** Bridges and namespaces there. */
  const left = async () => {
    const told = async (...args: string[]) => (await machine.run("ip", args, { timeoutMs: 60_000 })).stdout;
    const bridges = (await told("-o", "link", "show", "type", "bridge")).match(/(?<=^\d+: )[^:@]+/gm) ?? [];
    return [...bridges, ...((await told("netns", "list")).match(/^\S+/gm) ?? [])];
  };
  return { host, hostUuid, driver, start, left };
}

test("guests on two hosts get their addresses from their own host, and reach each other and the router, also after a move", async (t) => {
  const { path: folder, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  chmodSync(folder, 0o755);
  const wire = new Computer(join(folder, "wire"), "wire");
  undoAfter(t, () => wire.cutPower());
  await wire.start();
  await wire.bridge("sw0");
  await wire.run("ip", "address", "add", `${gateway}/24`, "dev", "sw0");
  const foreign = ["--conf-file=/dev/null", "--port=0", "--interface=sw0", "--bind-interfaces", "--no-ping"];
  await wire.run("dnsmasq", ...foreign, "--leasefile-ro", "--pid-file=", "--dhcp-range=10.0.0.100,10.0.0.200,1h");
  const dialing = new Wire();
  const on = (name: string) => hostOn(t, wire, folder, name, dialing);
  const [one, two] = [await on("host-1"), await on("host-2")];
  // An administrator's, of another name than the one that the other host makes by itself.
  for (const args of ["link add lan type bridge", "link set eth0 master lan", "link set lan up", "link set eth0 up"])
    assert.equal((await one.host.machine.run("ip", args.split(" "), { timeoutMs: 60_000 })).code, 0, args);
  const [first, second] = await Promise.all([one.start(card(11)), two.start(card(12))]);
  for (const [n, { shell }] of [
    [11, first],
    [12, second],
  ] as const) {
    await shell.run("ip link set eth0 up && udhcpc -i eth0 -f -q -n -t 30 -s /bin/address", 120_000);
    const lease = (await shell.run("cat /run/lease")).replaceAll("'", "").split(/\s*\n/).sort();
    const said = [`ip=10.0.0.${n}`, `router=${gateway}`, `serverid=${serverIp}`, `hostname=web-${n}`];
    for (const one of [...said, "mask=24", "dns=10.0.0.2", "domain=example.com"])
      assert.ok(lease.includes(one), `${one}: ${lease}`);
  }
  for (const ip of ["10.0.0.12", gateway, serverIp])
    assert.match(await first.shell.run(`ping -c 2 -W 10 ${ip}`), / 0% packet loss/);
  assert.match(await second.shell.run("ping -c 2 -W 10 10.0.0.11"), / 0% packet loss/);

  // Suspended, it needs none of it; it goes on where it stood, on a network that was made anew.
  await two.driver.carryOut({ do: "suspendMachine", uuid: second.uuid }, never);
  assert.deepEqual(await two.left(), ["br0"]);
  await two.driver.carryOut({ do: "restoreMachine", machine: second.spec }, never);
  assert.match(await first.shell.run("ping -c 2 -W 10 10.0.0.12"), / 0% packet loss/);

  // Moved, its card is on the network's bridge there, whatever that is called.
  const token = randomBytes(32).toString("base64url");
  const announced = { sourceUuid: one.hostUuid, tokenHash: hashOfToken(token), aliveMs: 600_000 };
  await two.driver.carryOut({ do: "expectMachine", machine: first.spec, ...announced }, never);
  const destination = { hostUuid: two.hostUuid, address: "192.0.2.2" };
  const move = { do: "migrateMachine", uuid: first.uuid, destination, token, bandwidth: 0 } as const;
  await one.driver.carryOut(move, never);
  await two.driver.carryOut({ do: "unexpectMachine", uuid: first.uuid }, never);
  const there = await guestShell(two.host, first.uuid);
  undoAfter(t, () => there.line.close());
  assert.match(await there.shell.run(`ping -c 2 -W 10 ${gateway}`), / 0% packet loss/);
  await one.driver.carryOut({ do: "dropMachine", uuid: first.uuid }, never);
  const emptied = performance.now() + 120_000;
  while ((await one.left()).length > 2 && performance.now() < emptied) await pause(100);
  assert.deepEqual((await one.left()).sort(), ["br0", "lan"]);

  // Nobody but the guest itself stops it.
  there.line.type("poweroff -f\n");
  const until = performance.now() + 120_000;
  const runs = async () => (await two.driver.machines(never)).filter(({ state }) => state === "running").length;
  while ((await runs()) > 1 && performance.now() < until) await pause(100);
  await two.driver.carryOut({ do: "removeMachine", uuid: second.uuid }, never);
  assert.deepEqual(await two.left(), ["br0"]);
});
