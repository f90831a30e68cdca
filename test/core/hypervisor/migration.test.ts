import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { SharedStorage, SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { Wire } from "../../support/cloud/wire.ts";
import { localMigrationConformance } from "./local-migration-conformance.ts";
import { destinationUuid, migrationConformance, sourceUuid } from "./migration-conformance.ts";

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;

async function open() {
  const wire = new Wire();
  const shared = new SharedStorage("/shared/");
  const host = async (uuid: string) => {
    const driver = await SimulatedDriver.open({
      bootId: uuid,
      shared,
      dial: wire.dialFrom(uuid),
      capacity: { cpuThreads: 4, memoryBytes: 150 * mebibyte },
      latencyMs: (verb) => (verb === "migrateMachine" ? 50 : 0),
      announce: () => undefined,
    });
    wire.drivers.set(uuid, driver);
    return driver;
  };
  return { source: await host(sourceUuid), destination: await host(destinationUuid), wire };
}

const hosts = { open, end: async () => undefined, memorySize: 100 * mebibyte };

migrationConformance("the simulated one", {
  ...hosts,
  folder: () => "/shared/one",
  seedsOn: async (driver) => {
    if (!(driver instanceof SimulatedDriver)) throw new Error("It is another driver.");
    const machines = await driver.machines(new AbortController().signal);
    const seeds = machines.map(({ uuid }) => [uuid, driver.machineOf(uuid)?.seed] as const);
    return Object.fromEntries(seeds.filter(([, seed]) => seed !== undefined));
  },
});

localMigrationConformance("the simulated one", {
  ...hosts,
  folders: () => ({ here: "/local", there: "/local" }),
  fill: async () => undefined,
  content: async () => "",
  exists: async (driver: HypervisorDriver, path) => {
    const format = "qcow2";
    const known = await driver.volume({ path, format }, never).then(
      () => "",
      (error: { code?: string }) => error.code,
    );
    return known !== "HYPERVISOR.NO_VOLUME";
  },
});
