import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../core/api/client.ts";
import { HttpsHostLink } from "../../core/api/host/link.ts";
import { packMembers } from "../../core/backup/tar.ts";
import { pkiFiles } from "../../core/manager/pki-files.ts";
import { type LogRange, logRanges } from "../../core/model/archives.ts";
import { NodeError } from "../../core/model/error.ts";
import { listed, shown } from "../../core/model/quote.ts";
import type { Job } from "../../core/model/records.ts";
import type { HostAddress } from "../../core/orchestrator/host-link.ts";
import { readManagerCredentials } from "../../core/pki/authority.ts";
import { withAgent } from "./agent.ts";
import { UsageError } from "./arguments.ts";
import { configurationOrPresets } from "./settings.ts";
import type { CtlWorld } from "./world.ts";

/*
 * Logs of all nodes in one archive. Each agent collects its own, with its secrets masked, as at its console; those of other
 * nodes are fetched over the channel of the cloud, with the manager's own certificate for it, which lies on this node. Not
 * through the manager: hundreds of megabytes would pass through the process that all calls wait for.
 */

type Node = HostAddress & { name: string };
type Left = { name: string; why: string };

const pollMs = 300;
/** Nodes that are asked at once. */
const atOnce = 8;
/** A node whose disk is slow and whose journal is long. */
const nodeLimitMs = 30 * 60_000;

/** `collect_log`. @throws UsageError, COLLECT.…, CTL.JOB_ENDED, CTL.LEFT_OUT when nodes were left out of it */
export async function collectLogs(world: CtlWorld, given: string | undefined): Promise<void> {
  const { voice } = world;
  const range = logRanges.find((each) => each === (given ?? "day"));
  if (range === undefined) throw new UsageError(`--range is ${logRanges.join(", ")}, not ${shown(given ?? "")}.`);
  const { folder, name } = await withAgent(world, 30_000, (agent) => collectHere(world, agent, range));
  const own = `${name}.tar.gz`;
  const others = await otherNodes(world);
  if (others === undefined) voice.say("The manager does not answer: whether there are other nodes is not known.");
  if (others === undefined || others.length === 0) return voice.say(`Archive: ${join(folder, own)}`);
  const work = await mkdtemp(join(folder, ".cloud-"));
  try {
    const { files, left } = await fetchAll(world, others, range, work);
    await rename(join(folder, own), join(work, own));
    const all = `${name.replace("-logs-", "-cloud-logs-")}.tar.gz`;
    const packed = join(work, "all.unfinished");
    await packMembers(packed, work, [own, ...files]).finally(() => rename(join(work, own), join(folder, own)));
    await rename(packed, join(folder, all));
    voice.say(`Archive: ${join(folder, all)}, with ${files.length + 1} of ${others.length + 1} nodes`);
    if (left.length === 0) return;
    for (const { name: node, why } of left) voice.warn(`${node}: ${why}`);
    throw new NodeError(
      "CTL.LEFT_OUT",
      `Left out: ${listed(
        left.map((each) => each.name),
        50,
      )}.`,
      {
        remedy: "Collect their logs on their own consoles: F2, Collect Logs.",
      },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The archive of this node by its agent's job, whose lines are told. */
async function collectHere(
  { voice }: CtlWorld,
  agent: Client,
  range: LogRange,
): Promise<{ folder: string; name: string }> {
  const started = await agent.call("startCollecting", { body: { range } });
  let [job, next]: [Job, number] = [started, 0];
  for (;;) {
    job = await agent.call("job", { params: { id: started.id } });
    const { first, lines } = await agent.call("jobLog", { params: { id: started.id }, query: { from: next } });
    for (const line of lines) voice.say(line);
    next = Math.max(next, first + lines.length);
    if (job.state !== "running" && next >= job.lines) break;
    await pause(pollMs);
  }
  if (job.state !== "done")
    throw new NodeError(job.error?.code ?? "CTL.JOB_ENDED", job.error?.description ?? `The job was ${job.state}.`);
  const { folder, archives } = await agent.call("logCollections", {});
  const [newest] = archives;
  if (newest === undefined) throw new NodeError("CTL.JOB_ENDED", "The archive that was made is not there any more.");
  return { folder, name: newest.name };
}

/** Hosts that are not this node; undefined when nobody knows. */
async function otherNodes({ door, addresses }: CtlWorld): Promise<Node[] | undefined> {
  const own = new Set(addresses());
  const nodes: Node[] = [];
  try {
    for (;;) {
      const page = { limit: 1000, start: nodes.length, fields: ["uuid", "name", "managementIp"], sortBy: "uuid" };
      const { inventories } = await door.ask("QueryHost", page);
      for (const { uuid, name, managementIp } of inventories)
        nodes.push({ uuid: String(uuid), name: String(name), managementIp: String(managementIp) });
      if (inventories.length < page.limit) return nodes.filter(({ managementIp }) => !own.has(managementIp));
    }
  } catch {
    return undefined;
  }
}

async function fetchAll(world: CtlWorld, nodes: readonly Node[], range: LogRange, folder: string) {
  const { configuration } = await configurationOrPresets(world.configurationFile);
  const tls = configuration["tls.folder"];
  const [files, left]: [string[], Left[]] = [[], []];
  const credentials = await readManagerCredentials(pkiFiles(), tls);
  if (credentials === undefined)
    return { files, left: nodes.map(({ name }) => ({ name, why: `The manager's certificate is not in ${tls}.` })) };
  const link = new HttpsHostLink({
    credentials: async () => credentials,
    pinned: () => undefined,
    believesAuthority: true,
  });
  const waiting = [...nodes];
  const worker = async () => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift())
      try {
        const file = await fetchOne(link, node, range, folder);
        world.voice.say(`${node.name}: ${file}`);
        files.push(file);
      } catch (error) {
        left.push({ name: node.name, why: error instanceof Error ? error.message : String(error) });
      }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    link.close();
  }
  return { files: files.sort(), left };
}

/** @returns the file's name in `folder` */
async function fetchOne(link: HttpsHostLink, node: Node, range: LogRange, folder: string): Promise<string> {
  const signal = AbortSignal.timeout(nodeLimitMs);
  const id = await link.collectLogs(node, range, signal);
  let found = await link.logCollection(node, id, signal);
  for (; found.state === "running"; found = await link.logCollection(node, id, signal)) await pause(pollMs);
  const { archive, why } = found;
  if (archive === null) throw new Error(why ?? "Its agent has made no archive.");
  // What a host says of itself becomes no path.
  const file = `${node.name.replaceAll(/[^\w.-]/g, "_").slice(0, 60)}-${node.uuid.slice(0, 8)}.tar.gz`;
  const target = await open(join(folder, basename(file)), "wx", 0o600);
  try {
    for (let offset = 0; offset < archive.sizeBytes; ) {
      const piece = await link.logPiece(node, archive.name, offset, signal);
      if (piece.length === 0) throw new Error("Its archive is shorter than it said.");
      await target.write(piece);
      offset += piece.length;
    }
  } finally {
    await target.close();
  }
  return file;
}
