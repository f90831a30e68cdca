import { open } from "node:fs/promises";
import { join } from "node:path";
import { rootConsole } from "../../api/contract.ts";
import { NodeError } from "../../model/error.ts";
import type { HostLogs } from "../host/work.ts";
import { type CollectTools, startCollecting } from "./collect.ts";
import { filesOf, findArchive, shelfOf } from "./shelf.ts";

/** In base64 it fits into an answer. */
const pieceBytes = 1024 * 1024;
/** Collections whose archive is remembered by the job that made it. */
const mostRemembered = 100;

/** Logs of this node for its manager: a job as a person's at the console, whose archive is read in pieces. */
export function logsForManager(tools: Pick<CollectTools, "jobs" | "audit" | "world" | "inUse" | "source">): HostLogs {
  const made = new Map<string, string>();
  return {
    collect(range) {
      const { promise: known, resolve } = Promise.withResolvers<string>();
      const keep = async (name: string) => {
        made.set(await known, name);
        for (const id of [...made.keys()].slice(0, -mostRemembered)) made.delete(id);
      };
      const { id } = startCollecting({ ...tools, serve: keep }, range, rootConsole);
      resolve(id);
      return id;
    },
    async state(id) {
      const { state, error } = tools.jobs.get(id);
      const name = made.get(id);
      if (state === "running") return { state, why: null, archive: null };
      if (state !== "done" || name === undefined)
        return { state: "failed", why: error?.description ?? `The job was ${state}.`, archive: null };
      const { sizeBytes } = await findArchive(tools.world.paths, "logs", name);
      return { state, why: null, archive: { name, sizeBytes } };
    },
    async piece(name, offset) {
      const found = await findArchive(tools.world.paths, "logs", name);
      const [file] = filesOf("logs", found.name);
      const handle = await open(join(shelfOf(tools.world.paths, "logs"), file), "r");
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(pieceBytes), 0, pieceBytes, offset);
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        throw new NodeError("COLLECT.FAILED", "The archive can't be read.", { cause: error });
      } finally {
        await handle.close();
      }
    },
  };
}
