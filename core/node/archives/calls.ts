import type { Handlers } from "../../api/server.ts";
import type { ArchiveKind } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import type { Audit } from "../audit.ts";
import type { Jobs } from "../jobs.ts";
import type { ServingDesk } from "../serve/desk.ts";
import { startBackup, storeBackups } from "./backup.ts";
import { startCollecting } from "./collect.ts";
import { estimateLogs } from "./estimate.ts";
import { listArchives, removeArchive } from "./shelf.ts";
import type { ArchiveWorld } from "./world.ts";

export type ArchiveParts = { jobs: Jobs; audit: Audit; archives: ArchiveWorld; serving: ServingDesk };

type Names =
  | "logCollections"
  | "startCollecting"
  | "storeBackups"
  | "startBackup"
  | "deleteArchive"
  | "serving"
  | "startServing"
  | "prolongServing"
  | "endServing";

/** The calls of Collect Logs and Backup Database. */
export function archiveHandlers({ jobs, audit, archives, serving }: ArchiveParts): Pick<Handlers, Names> {
  const toolsFor = (kind: ArchiveKind) => ({
    jobs,
    audit,
    world: archives,
    serve: (name: string, console: string, log: (text: string) => void) => serve(serving, kind, name, console, log),
    inUse: () => serving.current?.name,
  });
  return {
    logCollections: async () => ({
      archives: await listArchives(archives.paths, "logs"),
      estimates: await estimateLogs(archives),
      folder: archives.paths.logs,
    }),
    startCollecting: ({ body, caller }) => startCollecting(toolsFor("logs"), body.range, caller.console),
    storeBackups: () => storeBackups(archives),
    startBackup: ({ caller }) => startBackup(toolsFor("backup"), caller.console),
    deleteArchive: async ({ params, caller }) => {
      const { kind, name } = params;
      await audit.audited({ console: caller.console, action: "archive.delete", detail: name }, async () => {
        await serving.release(kind, name, caller.console);
        await removeArchive(archives.paths, kind, name);
      });
      return {};
    },
    serving: () => ({ serving: serving.current }),
    startServing: async ({ body, caller }) => ({
      serving: await serving.start(body.kind, body.name, caller.console),
    }),
    prolongServing: async ({ caller }) => ({ serving: await serving.prolong(caller.console) }),
    endServing: async ({ caller }) => {
      await serving.end(caller.console);
      return { serving: null };
    },
  };
}

/** An archive is there whether or not it can be handed out: what went wrong is a line of the job's log. */
async function serve(
  desk: ServingDesk,
  kind: ArchiveKind,
  name: string,
  console: string,
  log: (text: string) => void,
): Promise<void> {
  try {
    const { firewall } = await desk.start(kind, name, console);
    // The address holds the token: it is on the screen that asked, and in no log.
    log("It can be fetched now; its screen shows the address.");
    if (firewall === "closed") log("The firewall could not be opened: other machines don't reach it.");
  } catch (error) {
    log(`It could not be handed out: ${error instanceof NodeError ? error.message : "fault in this program"}`);
  }
}
