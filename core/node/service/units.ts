import { NodeError } from "../../model/error.ts";
import type { Refusal, ServiceUnit } from "../../model/service.ts";
import { readNodeFile } from "../facts/node-file.ts";
import { readUnits, type Service } from "../facts/services.ts";
import { whyOf } from "../facts/source.ts";
import type { Machine } from "../machine.ts";
import type { ServiceWorld } from "./world.ts";

export const managerUnit = "binnacle-manager.service";
export const proxyUnit = "binnacle-console-proxy.service";
/** What is started and stopped together, in this order. */
export const managementUnits = [managerUnit, proxyUnit, "binnacle-ui.service"] as const;
/** The transient unit that installs the role anew. */
export const resetUnit = "binnacle-service-reset.service";

/** Units that tell whether the role is being installed just now, and whether the store is not this node's alone. */
const installers = ["binnacle-role.service", resetUnit];
const clustered = ["binnacle-zsha.service"];
const managerProgram = "manager.js";

/** What is known of the service on this node. */
export type Known = {
  role: string;
  units: ServiceUnit[];
  /** The image has a manager, or a unit of one is there. */
  hasManager: boolean;
  isInstalling: boolean;
  isClustered: boolean;
  /** Why systemd does not tell; undefined when it does. */
  trouble: string | undefined;
};

export async function readService(world: ServiceWorld, signal: AbortSignal): Promise<Known> {
  const { machine, library } = world;
  // A damaged file is a node of no known role: nothing is done to it.
  const role = await readNodeFile(machine).then(
    (file) => file.role,
    () => "unknown",
  );
  const known = { role, units: [], hasManager: false, isInstalling: false, isClustered: false, trouble: undefined };
  if (role !== "management") return known;
  const programs = await machine.readDir(library).catch((): string[] => []);
  const inImage = programs.includes(managerProgram);
  try {
    const found = await readUnits(machine, [...managementUnits, ...installers, ...clustered], signal);
    const units = inOrder(found);
    return {
      ...known,
      units,
      hasManager: inImage || units.some(({ unit }) => unit === managerUnit),
      isInstalling: found.some(({ unit, active }) => installers.includes(unit) && isBusy(active)),
      isClustered: found.some(({ unit }) => clustered.includes(unit)),
    };
  } catch (error) {
    const { code, detail } = whyOf(error);
    return { ...known, hasManager: inImage, trouble: `${detail}: ${code}` };
  }
}

/** The units of the service that exist, in the order in which they are started. */
export async function existingUnits(machine: Machine, signal: AbortSignal): Promise<ServiceUnit[]> {
  return inOrder(await readUnits(machine, [...managementUnits], signal));
}

function inOrder(found: readonly Service[]): ServiceUnit[] {
  return managementUnits.flatMap((unit) => {
    const service = found.find((one) => one.unit === unit);
    return service === undefined ? [] : [{ unit, active: service.active }];
  });
}

/** A oneshot unit is `activating` for as long as it works. */
function isBusy(active: Service["active"]): boolean {
  return active === "activating" || active === "deactivating" || active === "active" || active === "reloading";
}

export function isUp({ active }: ServiceUnit): boolean {
  return active === "active" || active === "reloading";
}

export function isDown({ active }: ServiceUnit): boolean {
  return active === "inactive" || active === "failed";
}

/** `binnacle-manager active, binnacle-ui inactive`, for logs and the audit log. */
export function stateWords(units: readonly ServiceUnit[]): string {
  return units.map(({ unit, active }) => `${unit.replace(/\.service$/, "")} ${active}`).join(", ");
}

/** A refusal as an error that can be thrown. */
export function refused({ code, description, remedy, values }: Refusal): NodeError {
  return new NodeError(code, description, { ...(remedy === null ? {} : { remedy }), values });
}
