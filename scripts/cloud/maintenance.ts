import type { FollowedTask } from "../../core/api/cloud-client.ts";
import { type VmState, vmStateNames, vmStates } from "../../core/model/cloud/vm-states.ts";
import { NodeError } from "../../core/model/error.ts";
import { listed, shown } from "../../core/model/quote.ts";
import type { Performance } from "./perform.ts";
import type { Request } from "./request.ts";

/*
 * Maintenance moves or stops machines: a person at a terminal sees before what becomes of which, and everybody is told
 * afterwards what has become of them.
 */

/** A screen has room for so many, each on a line. */
const mostLines = 15;

function isMaintenance({ name, texts }: Request): boolean {
  return name === "ChangeHostState" && texts.get("stateEvent")?.at(-1) === "preMaintain";
}

/** Asks a person, where one is there, before a host's machines are moved or stopped. @throws CLOUD.NOT_CONFIRMED */
export async function beforeMaintenance(request: Request, { client, confirm, isSure }: Performance): Promise<void> {
  const uuid = request.texts.get("uuid")?.at(-1);
  if (isSure || confirm === undefined || uuid === undefined || !isMaintenance(request)) return;
  const host = (await client.call("GetHost", { uuid })).inventory;
  const states = vmStateNames.filter((state) => vmStates[state].onHost);
  const q = [`hostUuid=${uuid}`, `state?=${states.join(",")}`];
  const answer = await client.call("QueryVmInstance", { q, limit: mostLines, sortBy: "name", replyWithCount: true });
  const machines = answer.inventories;
  if (machines.length === 0) return;
  const total = answer.total ?? machines.length;
  const rest = total - machines.length;
  const local = await onLocalStorage(
    client,
    machines.map((machine) => String(machine["uuid"])),
  );
  const lines = [
    `Maintenance frees host ${shown(host.name)}: what runs moves to other hosts, and is stopped where none can have it:`,
    ...machines.map(
      (machine) =>
        `  ${shown(String(machine["name"]))} (${whatBecomes(machine, host.status, local.has(String(machine["uuid"])))})`,
    ),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
  if (await confirm(`${lines.join("\n")}\nMove or stop ${total === 1 ? "it" : `these ${total}`}?`)) return;
  throw new NodeError("CLOUD.NOT_CONFIRMED", "Nothing was asked of the manager: the machines go on.", {
    remedy: "With --yes nobody is asked.",
  });
}

/** Those of these machines that have a volume on their host's own disks. */
async function onLocalStorage(client: Performance["client"], machines: readonly string[]): Promise<Set<string>> {
  const storages = await client.call("QueryPrimaryStorage", { q: ["type=LocalStorage"], limit: 1000 });
  const uuids = storages.inventories.map((storage) => String(storage["uuid"]));
  if (uuids.length === 0) return new Set();
  // A condition takes so many characters.
  const found: string[] = [];
  for (const each of uuids) {
    const q = [`primaryStorageUuid=${each}`, `vmInstanceUuid?=${machines.join(",")}`];
    const volumes = await client.call("QueryVolume", { q, limit: 1000 });
    found.push(...volumes.inventories.map((volume) => String(volume["vmInstanceUuid"])));
  }
  return new Set(found);
}

function whatBecomes(machine: Readonly<Record<string, unknown>>, status: string, isLocal: boolean): string {
  const state = vmStateNames.find((each): each is VmState => each === machine["state"]) ?? "Unknown";
  if (machine["locked"] === true) return `${state}, locked: stays`;
  if (status !== "Connected") return `${state}, stays: the host is ${status}`;
  if (state === "Error") return "Error, stays";
  if (state === "Paused") return "Paused, stays: resume it first";
  if (state !== "Running") return state;
  return isLocal ? "Running, stops: it has a volume on the host's own disks" : "Running, moves";
}

/** What a maintenance has moved and stopped, in a line each beside the answer. */
export function tellStopped(request: Request, { result }: FollowedTask, { warn }: Performance): void {
  if (!isMaintenance(request) || typeof result !== "object" || result === null) return;
  for (const [field, words] of [
    ["moved", "Moved"],
    ["stopped", "Stopped"],
    ["notStopped", "NOT moved or stopped"],
  ] as const) {
    const machines: unknown = field in result ? Reflect.get(result, field) : undefined;
    if (!Array.isArray(machines) || machines.length === 0) continue;
    const names = machines.map((machine: unknown) =>
      typeof machine === "object" && machine !== null && "name" in machine ? String(machine.name) : "?",
    );
    warn(`${words}: ${listed(names, names.length)}.`);
  }
}
