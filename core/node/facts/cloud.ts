import type { CloudSummary } from "../../model/cloud/summary.ts";
import type { FactValue } from "../../model/facts.ts";
import type { CloudFeed } from "../cloud/feed.ts";
import type { Machine } from "../machine.ts";
import { readNodeFile } from "./node-file.ts";
import { FactMissing, type Source } from "./source.ts";

/** What a technician calls the manager. */
const manager = "binnacle-manager";

/** The manager tells of changes by itself. A value is read again only for its age to be true, which costs nothing. */
const pace = { everyMs: 5_000, idleEveryMs: 60_000, budgetMs: 5_000, quietMs: 100 };

/** Hosts of the cloud, as this node's manager counts them. Other nodes have no manager: `notConfigured`. */
export function hostsSource(feed: CloudFeed): Source<"hosts"> {
  return {
    name: "hosts",
    ...pace,
    read: async (machine, signal) => hostsOf(await summaryOf(feed, machine, signal)),
    watch: (_, changed) => feed.subscribe(changed),
  };
}

/** Virtual machines and tasks of the cloud. */
export function cloudSource(feed: CloudFeed): Source<"cloud"> {
  return {
    name: "cloud",
    ...pace,
    read: async (machine, signal) => cloudOf(await summaryOf(feed, machine, signal)),
    watch: (_, changed) => feed.subscribe(changed),
  };
}

async function summaryOf(feed: CloudFeed, machine: Machine, signal: AbortSignal): Promise<CloudSummary> {
  const { role } = await readNodeFile(machine);
  if (role !== "management") {
    feed.release();
    throw new FactMissing("notConfigured", manager);
  }
  const view = await feed.look(signal);
  if (view.state === "answering") return view.summary;
  if (view.state === "failed") throw new FactMissing(view.why.code, view.why.detail);
  throw new FactMissing(view.state === "silent" ? "timeout" : "notRunning", manager);
}

export function hostsOf({ hosts: { total, byState, byStatus } }: CloudSummary): FactValue<"hosts"> {
  const state = counter(byState);
  const status = counter(byStatus);
  return {
    total,
    enabled: state("Enabled"),
    disabled: state("Disabled"),
    maintenance: state("PreMaintenance", "Maintenance"),
    connected: status("Connected"),
    connecting: status("Connecting"),
    disconnected: status("Disconnected"),
  };
}

export function cloudOf({ virtualMachines: { total, byState }, tasks }: CloudSummary): FactValue<"cloud"> {
  const state = counter(byState);
  const counted = {
    running: state("Running"),
    stopped: state("Stopped"),
    unknown: state("Unknown"),
    failed: state("Error"),
    paused: state("Paused", "Suspended"),
    changing: state(...Object.keys(byState).filter(isOnItsWay)),
    deleted: state("Destroyed"),
  };
  const others = total - Object.values(counted).reduce((sum, count) => sum + count, 0);
  return { machines: { total, ...counted, others }, tasks };
}

/** `Starting`, `VolumeMigrating`: every state on the way to another one is named so, and of the others only Running. */
function isOnItsWay(state: string): boolean {
  return state.endsWith("ing") && state !== "Running";
}

function counter(counts: Readonly<Record<string, number>>): (...names: readonly string[]) => number {
  return (...names) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
}
