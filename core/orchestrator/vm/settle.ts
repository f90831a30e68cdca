import type { HostCommand } from "../../hypervisor/driver.ts";
import type { FlowEnv } from "../flow/flow.ts";
import type { RecordOf } from "../kinds.ts";
import { migrationOf } from "./migration-record.ts";
import { look, type VmWorld } from "./work.ts";

/*
 * Where a machine is after a migration that has ended in whatever way: found out by what both hosts have, never by what
 * they were told or have answered.
 */

/** `none`: there is no process of it, or its host is no more in the cloud. `silent`: the host does not say. */
export type Fact = "running" | "paused" | "none" | "silent";
export type Settled =
  | { at: "source"; seen: Fact; resumes: boolean }
  | { at: "destination"; seen: Fact; resumes?: boolean }
  /** Either may have it, or will have it. */
  | { at: "unknown" }
  /** Which must never be. */
  | { at: "both" };

/** Of a machine on a host; `isKnown`: there may be something of it, be it only what was written down of it. */
export type Found = { fact: Fact; isKnown: boolean };

/**
 * Pure. The source was told to end what it sends before it was asked, and the destination to take in nothing more and to
 * remove what has not begun to run: so a source that runs it has it, a destination that runs it has it, and one that does
 * not never will. A source that stands still has sent all of it, and may have it again only if the destination has not.
 */
export function decideWhere(source: Fact, destination: Fact): Settled {
  const isThere = destination === "running" || destination === "paused";
  if (source === "running") {
    if (destination === "running") return { at: "both" };
    return { at: "source", seen: "running", resumes: false };
  }
  if (isThere) return { at: "destination", seen: destination };
  if (destination === "silent") return { at: "unknown" };
  return { at: "source", seen: source, resumes: source === "paused" };
}

/**
 * The same of a machine whose volumes go along. Of those both hosts have files, and no lock keeps both from running it: it
 * stands still at the destination until the source has it no more, and a source that was cut off goes on. What was written
 * down of it at the destination was so when all had come over, and is newer than what the source has.
 */
export function decideWhereWithVolumes(source: Fact, { fact: destination, isKnown }: Found): Settled {
  if (destination === "running" || source === "running" || destination === "silent")
    return decideWhere(source, destination);
  const isThere = destination === "paused" || isKnown;
  if (!isThere) return decideWhere(source, destination);
  if (source === "silent") return { at: "unknown" };
  return { at: "destination", seen: destination, resumes: destination === "paused" };
}

export type Between = { vmUuid: string; sourceUuid: string; destinationUuid: string };

const quickMs = 60_000;

/**
 * Ends what is under way on both hosts, and finds out which of them has the machine: there it runs, as far as that
 * depends on this; on the other one nothing of it is left. `rests`: hosts that could not be told so. `isSent`: the source
 * has said that it has sent all of it, and sends nothing any more.
 */
export async function settle(
  world: VmWorld,
  between: Between,
  env: FlowEnv,
  isSent = false,
): Promise<Settled & { rests: string[] }> {
  const { vmUuid: uuid, sourceUuid, destinationUuid } = between;
  const asking = asked(world, sourceUuid, { do: "cancelMigration", uuid }, env);
  // The source first: a connection that is cut at the very end of a move has both go on, and only locks would stop one.
  if (!isSent) await asking;
  const [{ fact, isKnown }, there] = await Promise.all([
    asking,
    asked(world, destinationUuid, { do: "unexpectMachine", uuid }, env),
  ]);
  const { copies = [] } = migrationOf(look(world), uuid) ?? {};
  // A source that has sent it does not run it, whether it says so or not.
  const source = isSent && copies.length > 0 && fact === "silent" ? "none" : fact;
  const where = copies.length > 0 ? decideWhereWithVolumes(source, there) : decideWhere(source, there.fact);
  const rests: string[] = [];
  const drop = async (hostUuid: string) => {
    const isDone = await told(world, hostUuid, { do: "dropMachine", uuid }, env);
    if (!isDone) rests.push(hostUuid);
  };
  // With what it sent last the source has forgotten it.
  if (where.at === "destination" && (isKnown || !isSent)) await drop(sourceUuid);
  if (where.at === "source") {
    await drop(destinationUuid);
    if (where.resumes && (await told(world, sourceUuid, { do: "resumeMachine", uuid }, env)))
      return { ...where, seen: "running", rests };
  }
  if (where.at === "destination" && where.resumes === true) {
    if (await told(world, destinationUuid, { do: "resumeMachine", uuid }, env))
      return { ...where, seen: "running", rests };
    const now = await asked(world, destinationUuid, { do: "unexpectMachine", uuid }, env);
    // Nobody else would have it go on: it is asked again when that host is back.
    return now.fact === "silent" ? { at: "unknown", rests } : { ...where, seen: now.fact, rests };
  }
  return { ...where, rests };
}

/** What a host has of the machine, once it has carried out the command that keeps that from changing. */
async function asked(
  world: VmWorld,
  hostUuid: string,
  command: Extract<HostCommand, { uuid: string }>,
  env: FlowEnv,
): Promise<Found> {
  const host = look(world).get("Host", hostUuid);
  if (host === undefined) return { fact: "none", isKnown: false };
  const silent = { fact: "silent", isKnown: true } as const;
  if (!(await told(world, hostUuid, command, env))) return silent;
  try {
    const found = (await world.link.machines(host, env.signal)).find(({ uuid }) => uuid === command.uuid);
    if (found?.migration?.way === "in") return silent;
    // Memory that somebody has kept there past the manager is no process.
    const fact = found?.state === "running" || found?.state === "paused" ? found.state : "none";
    return { fact, isKnown: found !== undefined };
  } catch {
    env.signal.throwIfAborted();
    return silent;
  }
}

/** Whether a host has done something; a host that is gone has nothing to do. */
async function told(world: VmWorld, hostUuid: string, command: HostCommand, env: FlowEnv): Promise<boolean> {
  const host: RecordOf<"Host"> | undefined = look(world).get("Host", hostUuid);
  if (host === undefined) return true;
  const id = `${env.commandId}.${command.do}.${env.epoch}`;
  const how = { id, flow: env.task, epoch: env.epoch, timeoutMs: quickMs, signal: env.signal };
  try {
    await world.link.command(host, command, how);
    return true;
  } catch {
    env.signal.throwIfAborted();
    return false;
  }
}
