import type { FollowedTask } from "../../core/api/cloud-client.ts";
import { type VmState, vmStateNames, vmStates } from "../../core/model/cloud/vm-states.ts";
import { NodeError } from "../../core/model/error.ts";
import { listed, shown } from "../../core/model/quote.ts";
import type { Performance } from "./perform.ts";
import type { Request } from "./request.ts";

/* Maintenance stops machines: a person at a terminal sees which before, and everybody is told which afterwards. */

/** A screen has room for so many, each on a line. */
const mostLines = 15;

function isMaintenance({ name, texts }: Request): boolean {
  return name === "ChangeHostState" && texts.get("stateEvent")?.at(-1) === "preMaintain";
}

/** Asks a person, where one is there, before a host's machines are stopped. @throws CLOUD.NOT_CONFIRMED */
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
  const lines = [
    `Maintenance stops what is on host ${shown(host.name)}; nothing is moved to another host:`,
    ...machines.map((machine) => `  ${shown(String(machine["name"]))} (${whatBecomes(machine, host.status)})`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
  if (await confirm(`${lines.join("\n")}\nStop ${total === 1 ? "it" : `these ${total}`}?`)) return;
  throw new NodeError("CLOUD.NOT_CONFIRMED", "Nothing was asked of the manager: the machines go on.", {
    remedy: "With --yes nobody is asked.",
  });
}

function whatBecomes(machine: Readonly<Record<string, unknown>>, status: string): string {
  const state = vmStateNames.find((each): each is VmState => each === machine["state"]) ?? "Unknown";
  if (machine["locked"] === true) return `${state}, locked: can't be stopped`;
  if (status !== "Connected") return `${state}, can't be stopped: the host is ${status}`;
  return state === "Error" ? "Error, can't be stopped" : state;
}

/** What a maintenance has stopped, in a line beside the answer. */
export function tellStopped(request: Request, { result }: FollowedTask, { warn }: Performance): void {
  if (!isMaintenance(request) || typeof result !== "object" || result === null) return;
  for (const [field, words] of [
    ["stopped", "Stopped"],
    ["notStopped", "NOT stopped"],
  ] as const) {
    const machines: unknown = field in result ? Reflect.get(result, field) : undefined;
    if (!Array.isArray(machines) || machines.length === 0) continue;
    const names = machines.map((machine: unknown) =>
      typeof machine === "object" && machine !== null && "name" in machine ? String(machine.name) : "?",
    );
    warn(`${words}: ${listed(names, names.length)}.`);
  }
}
