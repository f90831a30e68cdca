import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import {
  type CloudAtStake,
  type ServiceAccepts,
  type ServiceAction,
  type StoreLook,
  servicePhrase,
  stakesOf,
} from "../../model/service.ts";
import type { Audit } from "../audit.ts";
import type { Jobs } from "../jobs.ts";
import { readAtStake, requireTold } from "./at-stake.ts";
import { runningServiceJob, serviceJobKind, telling } from "./jobs.ts";
import { refusalOf } from "./refusals.ts";
import { carryOut } from "./run.ts";
import { noRoom } from "./store.ts";
import { existingUnits, managerUnit, readService, refused, stateWords } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

export type ServiceRequest = { action: ServiceAction; phrase: string; accepts: ServiceAccepts };
type Tools = {
  jobs: Jobs;
  audit: Audit;
  world: ServiceWorld;
  /** The store was emptied: what the agent had brought the manager is gone with it. */
  onEmptied: () => Promise<void>;
};

/**
 * Starts, stops, restarts or resets the ZStack service as a job. How it ended is in the audit log, with the state
 * before and after.
 *
 * @throws NodeError SERVICE.WRONG_PHRASE, SERVICE.STORE_UNREAD, SERVICE.NO_ROOM, SERVICE.MANAGER_SILENT,
 * SERVICE.MORE_AT_STAKE, those of `refusalOf` and `Jobs.start`
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
  const [cloud, store] = await Promise.all([
    action === "start" ? null : readAtStake(world, known.units),
    action === "resetDrop" ? world.store.look(signal) : null,
  ]);
  requireTold(action, cloud, store, accepts);
  const loss = store === null ? undefined : lossOf(store, cloud, accepts);
  // Somebody else may have begun while this looked.
  const other = refusalOf(action, known, runningServiceJob(jobs));
  if (other !== null) throw refused(other);
  const job = { kind: serviceJobKind(action), subject: managerUnit, console, cancellable: false };
  return jobs.start(job, (context) =>
    telling(context, async () => {
      await audit.audited(
        { console, action: job.kind, ...(loss === undefined ? {} : { detail: loss }) },
        async () => {
          if (loss !== undefined) context.log(`What is lost: ${loss}`);
          const emptied = async (kept: string | null) => {
            await recordEmptied(audit, console, kept);
            await tools.onEmptied();
          };
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
 * What would be lost, in words.
 *
 * @throws NodeError SERVICE.STORE_UNREAD, SERVICE.NO_ROOM
 */
function lossOf(look: StoreLook, cloud: CloudAtStake | null, accepts: ServiceAccepts): string {
  if (look.state === "none") return "no store";
  if (look.state === "unreadable" && !accepts.unreadStore)
    throw new NodeError("SERVICE.STORE_UNREAD", `What would be lost is not known: ${look.why}.`, {
      remedy: "Make a backup, or agree to lose what nobody can name.",
      values: { why: look.why },
    });
  if (look.keeping.how === "noRoom" && !accepts.noCopy) throw noRoom(look.keeping);
  if (look.state === "unreadable") return `a store that can't be read (${look.why})`;
  const { hosts, machines } = stakesOf(cloud, look);
  const records = look.state === "readable" ? `${look.records} records` : "all records";
  return `${records}, in them ${hosts} hosts and ${machines} virtual machines`;
}
