import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { MachineSpec } from "../../../core/hypervisor/driver.ts";
import { lockFileOf, tryFlock } from "../../../core/hypervisor/libvirt/machine-locks.ts";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { hashOfToken } from "../../../core/hypervisor/migration/expected.ts";
import { parseMountinfo } from "../../../core/node/diagnostics/nfs.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { Wire } from "../../support/cloud/wire.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { root, temporaryFolder } from "../../support/programs.ts";
import { destinationUuid, sourceUuid } from "./migration-conformance.ts";
import { refuses, running, uuidOf } from "./support.ts";

/*
 * Machines on a file system where hosts see each other's flock(2) and not QEMU's own locks, as on OCFS2: two hosts with
 * libvirt and QEMU that take every file system for such a one.
 */

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;
const machine = realMachine();
const emulator = join(root, "iso/overlay/usr/lib/binnacle/qemu-locked");
const types = new Set(parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")).map(({ type }) => type));

describe("a machine whose lock is one of flock(2)", () => {
  let folder = temporaryFolder();
  let hosts: LibvirtHost[] = [];
  let drivers: LibvirtDriver[] = [];
  let stopHolding = async () => {};

  beforeEach(async () => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, "volumes"));
    const wire = new Wire();
    [hosts, drivers] = [[], []];
    for (const [index, uuid] of [sourceUuid, destinationUuid].entries()) {
      const host = new LibvirtHost(join(folder.path, `h${index}`), `kvm-${index}`);
      hosts.push(host);
      await host.start();
      const migration = { dial: wire.dialFrom(uuid), folder: host.migrationFolder };
      const [uri, locks] = [host.uri, { emulator, types }];
      const driver = new LibvirtDriver({ machine, uri, hasKvm: false, memoryBytes: 512 * mebibyte, migration, locks });
      wire.drivers.set(uuid, driver);
      drivers.push(driver);
    }
    await source().carryOut({ do: "createVolume", path: path(), sizeBytes: mebibyte, format: "qcow2" }, never);
  });
  afterEach(async () => {
    await stopHolding();
    for (const host of hosts) await host.cutPower();
    folder.dispose();
  });

  const at = <T>(all: readonly T[], nth: number): T => all[nth] ?? assert.fail("There is no such host.");
  const source = () => at(drivers, 0);
  const destination = () => at(drivers, 1);
  const path = () => join(folder.path, "volumes/web");
  const disks = () => [{ volumeUuid: uuidOf(2), path: path(), format: "qcow2" as const }];
  const spec = (): MachineSpec => ({
    ...{ uuid: uuidOf(1), name: "web", cpuNum: 1, memorySize: 64 * mebibyte, disks: disks(), nics: [] },
  });
  const start = (driver: LibvirtDriver) => driver.carryOut({ do: "startMachine", machine: spec() }, never);
  const lock = () => tryFlock(machine, lockFileOf(path()));
  async function becomes(wanted: "held" | "free"): Promise<void> {
    while ((await lock()) !== wanted) await pause(100);
  }
  /** As a QEMU of another host has it. */
  async function hold(): Promise<void> {
    const words = ["--exclusive", "--no-fork", lockFileOf(path()), "sh", "-c", "echo held; exec sleep infinity"];
    const holder = spawn("flock", words, { stdio: ["ignore", "pipe", "inherit"] });
    stopHolding = async () => {
      stopHolding = async () => {};
      const gone = once(holder, "exit");
      holder.kill();
      await gone;
    };
    await once(holder.stdout, "data");
  }
  async function move(): Promise<void> {
    const token = randomBytes(32).toString("base64url");
    const tokenHash = hashOfToken(token);
    await destination().carryOut(
      { do: "expectMachine", machine: spec(), sourceUuid, tokenHash, aliveMs: 600_000 },
      never,
    );
    const to = { hostUuid: destinationUuid, address: "192.0.2.2" };
    await source().carryOut({ do: "migrateMachine", uuid: uuidOf(1), destination: to, token, bandwidth: 0 }, never);
    await destination().carryOut({ do: "unexpectMachine", uuid: uuidOf(1) }, never);
  }

  it("holds it until its QEMU ends, whatever ends it, and begins nowhere else", { timeout: 300_000 }, async () => {
    await start(source());
    assert.equal(await lock(), "held");
    await refuses(start(destination()), "HYPERVISOR.VOLUME_IN_USE");
    await refuses(destination().carryOut({ do: "deleteVolume", path: path() }, never), "HYPERVISOR.VOLUME_IN_USE");
    at(hosts, 0).signal("qemu-system-x86", "SIGKILL");
    await becomes("free");
    await hold();
    // Nobody has its disk open now: it is this lock alone that keeps it from being started.
    await refuses(start(destination()), "HYPERVISOR.VOLUME_IN_USE");
    await refuses(destination().carryOut({ do: "deleteVolume", path: path() }, never), "HYPERVISOR.VOLUME_IN_USE");
    await stopHolding();
    await start(destination());
    assert.deepEqual(await running(destination()), [uuidOf(1)]);
    await destination().carryOut({ do: "removeMachine", uuid: uuidOf(1) }, never);
    await destination().carryOut({ do: "deleteVolume", path: path() }, never);
    assert.equal(await lock(), "absent");
  });

  it("has that of its own root volume, too, while it is rescued from another disk", { timeout: 300_000 }, async () => {
    await start(source());
    await source().carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 }, never);
    await becomes("free");
    const rescue = { volumeUuid: uuidOf(4), path: `${path()}-rescue`, format: "qcow2" as const };
    await source().carryOut({ do: "createVolume", path: rescue.path, sizeBytes: mebibyte, format: "qcow2" }, never);
    const data = { volumeUuid: uuidOf(5), path: `${path()}-data`, format: "qcow2" as const };
    await source().carryOut({ do: "createVolume", path: data.path, sizeBytes: mebibyte, format: "qcow2" }, never);
    const machine = { ...spec(), disks: [rescue, data, ...disks()] };
    await source().carryOut({ do: "startMachine", machine }, never);
    assert.equal(await lock(), "held");
    await refuses(start(destination()), "HYPERVISOR.VOLUME_IN_USE");
  });

  it("takes it along to another host, from which it is not to be had meanwhile", { timeout: 300_000 }, async () => {
    await start(source());
    await move();
    assert.deepEqual(await running(destination()), [uuidOf(1)]);
    await becomes("held");
    await refuses(start(source()), "HYPERVISOR.VOLUME_IN_USE");
    at(hosts, 1).signal("qemu-system-x86", "SIGKILL");
    await becomes("free");
  });

  it("goes on with its memory from the disk only when it has it", { timeout: 300_000 }, async () => {
    await start(source());
    await source().carryOut({ do: "suspendMachine", uuid: uuidOf(1) }, never);
    await becomes("free");
    await hold();
    const restore = () => source().carryOut({ do: "restoreMachine", machine: spec() }, never);
    await refuses(restore(), "HYPERVISOR.VOLUME_IN_USE");
    await stopHolding();
    await restore();
    assert.equal(await lock(), "held");
  });

  it("is of the kind by which hosts are asked whether they see each other's locks", { timeout: 300_000 }, async () => {
    const probe = { path: join(folder.path, "volumes"), probe: uuidOf(3) };
    const ask = (driver: LibvirtDriver, step: "hold" | "look" | "release") =>
      driver.shared.lock({ ...probe, step }, never);
    assert.equal(await ask(destination(), "look"), "absent");
    assert.equal(await ask(source(), "hold"), "held");
    assert.equal(await ask(destination(), "look"), "held");
    assert.equal(await tryFlock(machine, `${probe.path}/.binnacle-lock-${probe.probe}`), "held");
    assert.equal(await ask(source(), "release"), "absent");
    assert.equal(await ask(destination(), "look"), "absent");
  });
});
