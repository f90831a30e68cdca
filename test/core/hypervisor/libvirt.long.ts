import assert from "node:assert/strict";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { conformance, refuses, running, uuidOf } from "./conformance.ts";

const mebibyte = 1024 ** 2;

let [folder, host] = [temporaryFolder(), new LibvirtHost("", "")];
const driver = () =>
  new LibvirtDriver({
    machine: host.machine,
    networksFolder: join(host.folder, "networks"),
    uri: host.uri,
    hasKvm: false,
    memoryBytes: 512 * mebibyte,
    rebootGraceMs: 500,
    seen: (path) => host.seen(path),
  });

conformance("libvirt, in namespaces", {
  open: async () => {
    folder = temporaryFolder();
    // dnsmasq looks into it as nobody.
    chmodSync(folder.path, 0o755);
    host = new LibvirtHost(join(folder.path, "host"), "host-1");
    mkdirSync(join(folder.path, "volumes"));
    await host.start();
    return driver();
  },
  reopen: async () => driver(),
  restartHost: async () => {
    await host.cutPower();
    await host.start();
    return driver();
  },
  end: async () => {
    await host.cutPower();
    folder.dispose();
  },
  seedOf: (_driver, uuid) => host.seedOf(uuid),
  seedsThere: async () => host.seedsThere(),
  folder: () => join(folder.path, "volumes"),
  physicalInterface: "br0",
  memorySize: 128 * mebibyte,
  mostBytes: 512 * mebibyte,
});

test("a volume that a machine on another host has open is refused, and free when that host has lost its power", async (t) => {
  const shared = temporaryFolder();
  undoAfter(t, shared.dispose);
  const hosts = ["one", "two"].map((name) => new LibvirtHost(join(shared.path, name), name));
  const drivers: LibvirtDriver[] = [];
  for (const each of hosts) {
    undoAfter(t, () => each.cutPower());
    await each.start();
    const networksFolder = join(each.folder, "networks");
    drivers.push(new LibvirtDriver({ machine: each.machine, networksFolder, uri: each.uri, hasKvm: false }));
  }
  const [one, two] = drivers;
  assert.ok(one !== undefined && two !== undefined);
  const never = new AbortController().signal;
  const probe = (of: LibvirtDriver, step: "hold" | "look" | "release", at = shared.path) =>
    of.shared.lock({ path: at, probe: uuidOf(0x200), step }, never);
  assert.equal(await probe(one, "hold"), "held");
  assert.equal(await probe(two, "look"), "held");
  assert.equal(await probe(two, "look", hosts[1]?.folder ?? ""), "absent", "in another folder there is no such lock");
  assert.equal(await probe(one, "release"), "absent");
  assert.equal(await probe(two, "look"), "absent");
  const path = join(shared.path, "volume");
  await one.carryOut({ do: "createVolume", path, sizeBytes: mebibyte, format: "qcow2" }, never);
  const disks = [{ volumeUuid: uuidOf(0x100), path, format: "qcow2" as const }];
  const machine = { uuid: uuidOf(1), name: "web", cpuNum: 1, memorySize: 128 * mebibyte, disks, nics: [] };
  await one.carryOut({ do: "startMachine", machine }, never);
  await refuses(two.carryOut({ do: "startMachine", machine }, never), "HYPERVISOR.VOLUME_IN_USE");
  assert.deepEqual(await two.machines(never), [], "nothing of it is known there");
  await hosts[0]?.cutPower();
  await two.carryOut({ do: "startMachine", machine }, never);
  assert.deepEqual(await running(two), [uuidOf(1)]);
});
