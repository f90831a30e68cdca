import { NodeError } from "../../model/error.ts";
import { type Machine, sleep } from "../machine.ts";
import type { ActivationStep } from "./activation.ts";
import { type Device, deviceStates, type NetworkManager } from "./manager.ts";

export type ApplyContext = {
  machine: Machine;
  manager: NetworkManager;
  /** The profile of a link. */
  uuidOf: (link: string) => string | undefined;
  /** The profile that was active on each device before NetworkManager read the new ones. */
  former: ReadonlyMap<string, string>;
  signal: AbortSignal;
};

/** A link that could not be brought to its new state, in NetworkManager's own words. */
export type LinkFailure = { link: string; why: string };

/** How long a device may take to be on its way to addresses. Making a bond or a bridge takes less than a second. */
const settleMs = 15_000;
const lookEveryMs = 200;

/**
 * Brings links to their new profiles, which NetworkManager has read already. Links without a carrier are left to it: it
 * activates them when their cable is in.
 *
 * @returns the links that failed; an empty list when all are on their way
 * @throws NET.MANAGER_ABSENT, NET.MANAGER_HANGS
 */
export async function activateLinks(context: ApplyContext, steps: readonly ActivationStep[]): Promise<LinkFailure[]> {
  const failures: LinkFailure[] = [];
  for (const step of steps) {
    const why = await carryOut(context, step);
    if (why !== undefined) failures.push({ link: step.link, why });
  }
  const started = steps.filter(({ link }) => !failures.some((failure) => failure.link === link));
  return [...failures, ...(await settled(context, started))];
}

/** NetworkManager was started anew: waits until it answers and no device is on its way any more, or for its own limit. */
export async function untilReady(machine: Machine, manager: NetworkManager): Promise<void> {
  const until = machine.monotonicMs() + settleMs;
  const never = new AbortController().signal;
  for (;;) {
    const isLate = machine.monotonicMs() >= until;
    try {
      const devices = await manager.devices();
      if (isLate || !devices.some(({ state }) => state > deviceStates.disconnected && state < deviceStates.ipConfig))
        return;
    } catch (error) {
      if (isLate) throw error;
    }
    await sleep(machine, lookEveryMs, never);
  }
}

async function carryOut({ manager, uuidOf, former }: ApplyContext, step: ActivationStep): Promise<string | undefined> {
  const uuid = uuidOf(step.link);
  // Settings without a profile: nothing that NetworkManager could be asked for.
  if (uuid === undefined) return undefined;
  try {
    const device = (await manager.devices()).find(({ name }) => name === step.link);
    if (device !== undefined && device.state <= deviceStates.unavailable) return undefined;
    if (device !== undefined && hasBegun(device, uuid, former)) return undefined;
    const isActive = device?.uuid === uuid && device.state >= deviceStates.ipConfig;
    if (step.do === "reapply" && isActive) await reapplied(manager, step.link, uuid);
    else await manager.activate(uuid, device === undefined ? null : step.link);
    return undefined;
  } catch (error) {
    if (error instanceof NodeError && error.code === "NET.MANAGER_REFUSED") return error.message;
    throw error;
  }
}

/** NetworkManager activates a profile that is new by itself; once more would take the link down again. */
function hasBegun({ name, uuid, state }: Device, wanted: string, former: ApplyContext["former"]): boolean {
  const isUnderWay = state > deviceStates.disconnected && state <= deviceStates.activated;
  return uuid === wanted && former.get(name) !== wanted && isUnderWay;
}

/** Some changes (of the MAC address, of 802.1X) can't be taken over by a device at work; it is then started anew. */
async function reapplied(manager: NetworkManager, link: string, uuid: string): Promise<void> {
  try {
    await manager.reapply(link);
  } catch (error) {
    if (!(error instanceof NodeError) || error.code !== "NET.MANAGER_REFUSED") throw error;
    await manager.activate(uuid, link);
  }
}

async function settled(context: ApplyContext, steps: readonly ActivationStep[]): Promise<LinkFailure[]> {
  const { machine, manager, signal, uuidOf } = context;
  const until = machine.monotonicMs() + settleMs;
  for (;;) {
    const devices = new Map((await manager.devices()).map((device) => [device.name, device]));
    const open = steps.flatMap(({ link }) => {
      const why = unsettled(devices.get(link), uuidOf(link));
      return why === undefined ? [] : [{ link, why }];
    });
    const isOver = machine.monotonicMs() >= until || signal.aborted;
    if (open.length === 0 || isOver) return open;
    await sleep(machine, lookEveryMs, signal);
  }
}

/** Why a device is not on its way; undefined when it is, or waits for its cable. */
function unsettled(device: Device | undefined, uuid: string | undefined): string | undefined {
  if (uuid === undefined) return undefined;
  if (device === undefined) return "the interface was not made";
  if (device.state <= deviceStates.unavailable) return undefined;
  const isRight = device.uuid === uuid;
  if (isRight && device.state >= deviceStates.ipConfig && device.state <= deviceStates.activated) return undefined;
  const reason = device.reason === 0 ? `state ${device.state}` : device.reasonText;
  return isRight ? reason : `its profile is not active (${reason})`;
}
