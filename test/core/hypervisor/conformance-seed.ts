import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import type { HostCommand, HypervisorDriver, MachineSpec } from "../../../core/hypervisor/driver.ts";
import { type MachineSeed, seedImage } from "../../../core/hypervisor/seed/seed.ts";
import { publicKey } from "../../support/public-key.ts";
import { refuses, uuidOf } from "./support.ts";

/* How every driver tells cloud-init in guests of them: part of the conformance suite. */

const never = new AbortController().signal;

export type SeedBed = {
  driver: () => HypervisorDriver;
  reopen: () => Promise<void>;
  restartHost: () => Promise<void>;
  spec: (n: number, more?: Partial<MachineSpec>) => MachineSpec;
  /** Makes the volume, and starts the machine. */
  startNew: (n: number) => Promise<void>;
  /** SHA-256 of the disk that a machine has for it; undefined when it has none. */
  seedOf: (uuid: string) => Promise<string | undefined>;
  /** Machines whose disk is on the host, whether or not it knows them. */
  seedsThere: () => Promise<string[]>;
};

export const someSeed: MachineSeed = {
  instanceId: "iid-1",
  hostName: "web-1.example.org",
  sshPublicKeys: [publicKey("anna@office")],
  userData: Buffer.from("#cloud-config\npassword: swordfish\n").toString("base64"),
};

export function hashOfSeed(seed: MachineSeed): string {
  return createHash("sha256").update(seedImage(seed)).digest("hex");
}

export function seedConformance(bed: SeedBed): void {
  const { driver, spec, startNew, seedOf, seedsThere } = bed;
  const carryOut = (command: HostCommand) => driver().carryOut(command, never);
  const start = async (n: number, more: Partial<MachineSpec>) => {
    for (let twice = 0; twice < 2; twice++) await carryOut({ do: "startMachine", machine: spec(n, more) });
  };
  const stop = (n: number) => carryOut({ do: "stopMachine", uuid: uuidOf(n), graceMs: 0 });
  const uuid = uuidOf(1);

  it("gives a machine a disk for cloud-init, as it was told with its last start, over whatever comes; it goes with the machine", async () => {
    await startNew(1);
    assert.equal(await seedOf(uuid), undefined);
    // One that runs keeps what it has.
    await start(1, { seed: someSeed });
    assert.equal(await seedOf(uuid), undefined);
    await stop(1);
    await start(1, { seed: someSeed });
    const hash = hashOfSeed(someSeed);
    assert.equal(await seedOf(uuid), hash);
    await carryOut({ do: "rebootMachine", uuid });
    await bed.reopen();
    assert.equal(await seedOf(uuid), hash);
    await carryOut({ do: "suspendMachine", uuid });
    await bed.restartHost();
    await carryOut({ do: "restoreMachine", machine: spec(1, { seed: someSeed }) });
    assert.equal(await seedOf(uuid), hash);
    await stop(1);
    const other = { ...someSeed, instanceId: "iid-2", sshPublicKeys: [] };
    await start(1, { seed: other });
    assert.equal(await seedOf(uuid), hashOfSeed(other));
    await stop(1);
    await start(1, {});
    assert.equal(await seedOf(uuid), undefined);
    assert.deepEqual(await seedsThere(), []);
    await stop(1);
    await start(1, { seed: other });
    await startNew(2);
    assert.deepEqual(await seedsThere(), [uuid]);
    for (let twice = 0; twice < 2; twice++) await carryOut({ do: "removeMachine", uuid });
    assert.deepEqual(await seedsThere(), []);
  });

  it("leaves no disk for cloud-init of a machine that did not start", async () => {
    const machine = spec(1, { seed: someSeed });
    await refuses(carryOut({ do: "startMachine", machine }), "HYPERVISOR.NO_VOLUME");
    await startNew(2);
    // It is another machine's.
    const { disks } = spec(2);
    await refuses(carryOut({ do: "startMachine", machine: { ...machine, disks } }), "HYPERVISOR.VOLUME_IN_USE");
    assert.deepEqual(await seedsThere(), []);
  });
}
