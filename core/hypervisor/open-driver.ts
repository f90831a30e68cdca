import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../node/log.ts";
import type { Machine } from "../node/machine.ts";
import type { HypervisorDriver } from "./driver.ts";
import { LibvirtDriver } from "./libvirt.ts";
import type { Dial } from "./migration/way.ts";
import { noHypervisor } from "./none.ts";
import { SimulatedDriver } from "./simulated.ts";

/** As an agent may be told. `installed`: libvirt where it is installed, else none. */
export const driverChoices = ["installed", "libvirt", "simulated"] as const;

/** `name`: as the agent's flag has it; undefined: none. `home`: the agent's own folder. `dial`: to other hosts. */
export type DriverWanted = { name: string | undefined; machine: Machine; home: string; log: Log; dial: Dial };

/** libvirt's daemon, as one program or as one for QEMU alone. */
const daemons = ["/usr/sbin/libvirtd", "/usr/sbin/virtqemud"];

/** The driver that an agent was started with. */
export async function openDriver({ name, machine, home, log, dial }: DriverWanted): Promise<HypervisorDriver> {
  const isInstalled = name === "installed" && daemons.some((daemon) => existsSync(daemon));
  // virsh's own variable: for a libvirt that listens elsewhere.
  if (name === "libvirt" || isInstalled)
    return new LibvirtDriver({
      ...{ machine, uri: process.env["LIBVIRT_DEFAULT_URI"], migration: { dial } },
      mountPoints: join(home, "shared-mount-points.json"),
    });
  if (name !== "simulated") return noHypervisor;
  const folder = join(home, "simulated");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const bootId = (await machine.readFile("/proc/sys/kernel/random/boot_id")).trim();
  return SimulatedDriver.open({
    folder,
    bootId,
    dial,
    announce: (sentence) => log.warn(sentence),
    onDamage: (damage) => log.warn(damage, "the simulated hypervisor's records were damaged"),
  });
}
