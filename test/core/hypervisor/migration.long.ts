import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { runCommand } from "../../../core/node/command.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { Wire } from "../../support/cloud/wire.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { localMigrationConformance } from "./local-migration-conformance.ts";
import { destinationUuid, migrationConformance, sourceUuid } from "./migration-conformance.ts";

const mebibyte = 1024 ** 2;

let folder = temporaryFolder();
let hosts: LibvirtHost[] = [];
let hostOf = new Map<HypervisorDriver, LibvirtHost>();

const bed = {
  open: async () => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, "volumes"));
    const wire = new Wire();
    hosts = [];
    hostOf = new Map();
    const made: LibvirtDriver[] = [];
    for (const [index, uuid] of [sourceUuid, destinationUuid].entries()) {
      const host = new LibvirtHost(join(folder.path, `h${index}`), `kvm-${index}`);
      hosts.push(host);
      await host.start();
      const driver = new LibvirtDriver({
        machine: realMachine(),
        uri: host.uri,
        hasKvm: false,
        memoryBytes: 150 * mebibyte,
        seen: (path) => host.seen(path),
        migration: { dial: wire.dialFrom(uuid), folder: host.migrationFolder },
      });
      wire.drivers.set(uuid, driver);
      made.push(driver);
      hostOf.set(driver, host);
    }
    const [source, destination] = made;
    if (source === undefined || destination === undefined) throw new Error("There are no two hosts.");
    return { source, destination, wire };
  },
  end: async () => {
    for (const host of hosts) await host.cutPower();
    folder.dispose();
  },
  seedsOn: async (driver: HypervisorDriver) => {
    const host = hostOf.get(driver);
    const seeds = (host?.seedsThere() ?? []).map(async (uuid) => [uuid, await host?.seedOf(uuid)] as const);
    return Object.fromEntries(await Promise.all(seeds));
  },
  folder: () => join(folder.path, "volumes"),
  memorySize: 100 * mebibyte,
};

migrationConformance("libvirt, in namespaces", bed);

async function ran(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand(program, args, { timeoutMs: 60_000 });
  assert.equal(code, 0, stderr);
}

localMigrationConformance("libvirt, in namespaces", {
  ...bed,
  folders: () => ({ here: join(folder.path, "volumes", "a & 'a'"), there: join(folder.path, "volumes", "b") }),
  fill: (path) => ran("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", "-c", "write -z 3M 64k", path),
  content: async (path) => {
    const raw = join(folder.path, "content.raw");
    await ran("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw);
    const digest = createHash("sha256").update(readFileSync(raw)).digest("hex");
    rmSync(raw);
    return digest;
  },
  exists: async (_driver, path) => existsSync(path),
});
