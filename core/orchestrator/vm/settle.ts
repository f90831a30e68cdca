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
  | { at: "destination"; seen: Fact }
  /** Either may have it, or will have it. */
  | { at: "unknown" }
  /** Which must never be. */
  | { at: "both" };

/**
 * Pure. The source was told to end what it sends before it was asked, and the destination to take in nothing more and to
 * remove what has not begun to run: so a source that runs it has it, a destination that runs it has it, and one that does
 * not never will. A source that stands still has sent all of it, and may have it again only if the destination has not.
 * `hasBegunThere`: it has its volumes there, complete, and has run with them; what the source has of them is older.
 */
export function decideWhere(source: Fact, destination: Fact, hasBegunThere = false): Settled {
  const isThere = destination === "running" || destination === "paused" || hasBegunThere;
  if (source === "running") {
    if (destination === "running") return { at: "both" };
    return { at: "source", seen: "running", resumes: false };
  }
  if (isThere) return { at: "destination", seen: destination };
  if (destination === "silent") return { at: "unknown" };
  return { at: "source", seen: source, resumes: source === "paused" };
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
  const [{ fact: source, isKnown }, { fact: destination, isKnown: isKnownThere }] = await Promise.all([
    asking,
    asked(world, destinationUuid, { do: "unexpectMachine", uuid }, env),
  ]);
  // A copy that comes is written down only as it begins to run; what was written down before went when it was announced.
  const { copies = [] } = migrationOf(look(world), uuid) ?? {};
  const hasBegunThere = copies.length > 0 && destination === "none" && (isKnownThere || (isSent && source === "none"));
  const where = decideWhere(source, destination, hasBegunThere);
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
  return { ...where, rests };
}

/**
 * What a host has of the machine, once it has carried out the command that keeps that from changing. `isKnown`: there may
 * be something of it there, be it only what was written down of it.
 */
async function asked(
  world: VmWorld,
  hostUuid: string,
  command: Extract<HostCommand, { uuid: string }>,
  env: FlowEnv,
): Promise<{ fact: Fact; isKnown: boolean }> {
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
