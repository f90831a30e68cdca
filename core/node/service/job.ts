import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import { type ServiceAccepts, type ServiceAction, servicePhrase } from "../../model/service.ts";
import type { Audit } from "../audit.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import { refusalOf } from "./refusals.ts";
import { carryOut } from "./run.ts";
import { noRoom } from "./store.ts";
import { existingUnits, managerUnit, readService, refused, stateWords } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

export type ServiceRequest = { action: ServiceAction; phrase: string; accepts: ServiceAccepts };
type Tools = { jobs: Jobs; audit: Audit; world: ServiceWorld };

const kindPrefix = "service.";

/** The kind of the service's job that runs; undefined when none does. */
export function runningServiceJob(jobs: Jobs): string | undefined {
  return jobs.list().find(({ kind, state }) => state === "running" && kind.startsWith(kindPrefix))?.kind;
}

/**
 * Starts, stops, restarts or resets the ZStack service as a job. How it ended is in the audit log, with the state
 * before and after.
 *
 * @throws NodeError SERVICE.WRONG_PHRASE, SERVICE.STORE_UNREAD, SERVICE.NO_ROOM, those of `refusalOf` and `Jobs.start`
 */
export async function startServiceJob(tools: Tools, request: ServiceRequest, console: string): Promise<Job> {
  const { jobs, audit, world } = tools;
  const { action, phrase, accepts } = request;
  if (phrase !== servicePhrase[action])
    throw new NodeError("SERVICE.WRONG_PHRASE", `"${servicePhrase[action]}" has to be typed, letter by letter.`);
  const signal = AbortSignal.timeout(8_000);
  const known = await readService(world, signal);
  const refusal = refusalOf(action, known, runningServiceJob(jobs));
  if (refusal !== null) throw refused(refusal);
  const loss = action === "resetDrop" ? await requireTold(world, accepts, signal) : undefined;
  // Somebody else may have begun while this looked.
  const other = refusalOf(action, known, runningServiceJob(jobs));
  if (other !== null) throw refused(other);
  const job = { kind: `${kindPrefix}${action}`, subject: managerUnit, console, cancellable: false };
  return jobs.start(job, (context) =>
    telling(context, async () => {
      await audit.audited(
        { console, action: job.kind, ...(loss === undefined ? {} : { detail: loss }) },
        async () => {
          if (loss !== undefined) context.log(`What is lost: ${loss}`);
          const emptied = (kept: string | null) => recordEmptied(audit, console, kept);
          await carryOut(action, { world, accepts, context, emptied });
          return existingUnits(world.machine, context.signal);
        },
        (after) => ({ before: stateWords(known.units), after: stateWords(after) }),
      );
    }),
  );
}

/** Recorded at once: what comes after it may fail, and the store is empty all the same. */
async function recordEmptied(audit: Audit, console: string, kept: string | null): Promise<void> {
  const detail = kept === null ? "nothing is kept" : `kept in ${kept}`;
  const entry = { console, action: "service.emptyStore", result: "ok", before: null, after: null, detail } as const;
  // What can't be written is in the log then.
  await audit.append(entry).catch(() => undefined);
}

/**
 * Nothing may be lost without a word: what is in the store in words.
 *
 * @throws NodeError SERVICE.STORE_UNREAD, SERVICE.NO_ROOM
 */
async function requireTold(world: ServiceWorld, accepts: ServiceAccepts, signal: AbortSignal): Promise<string> {
  const look = await world.store.look(signal);
  if (look.state === "none") return "no store";
  if (look.state === "unreadable" && !accepts.unreadStore)
    throw new NodeError("SERVICE.STORE_UNREAD", `What would be lost is not known: ${look.why}.`, {
      remedy: "Make a backup, or agree to lose what nobody can name.",
      values: { why: look.why },
    });
  if (look.keeping.how === "noRoom" && !accepts.noCopy) throw noRoom(look.keeping);
  return look.state === "readable" ? `${look.records} records` : `a store that can't be read (${look.why})`;
}

/** The list of jobs has a sentence for what went wrong; the log has the remedy as well. */
async function telling({ log, signal }: JobContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) log("The agent ended: what systemd has begun goes on. Look at the services.");
    else if (error instanceof NodeError) log(`${error.code}: ${error.message}\n${error.remedy ?? ""}`.trim());
    throw error;
  }
}
