import type { FactValue, NodeRole } from "../../model/facts.ts";
import { type Machine, readIfThere } from "../machine.ts";
import { rolePaths } from "./paths.ts";
import { roleRecord } from "./record.ts";

type RoleStatus = NonNullable<FactValue<"identity">["roleStatus"]>;

/**
 * How far this node's role is, from the record of its installation; undefined where there is none. Only the present
 * role, installed by the running version, is ever `ready`.
 */
export async function readRoleStatus(
  machine: Machine,
  role: NodeRole,
  version: string,
): Promise<RoleStatus | undefined> {
  const text = await readIfThere(machine, rolePaths().record);
  return text === undefined || role === "none" ? undefined : roleStatusOf(text, role, version);
}

/** Pure. A record that can't be understood is one of an installation that has to run again. */
export function roleStatusOf(text: string, role: NodeRole, version: string): RoleStatus {
  const record = parse(text);
  if (record === undefined || record.role !== role || record.version !== version)
    return { state: "installing", step: null, reason: null, remedy: null };
  if (record.state === "ready") return { state: "ready", step: null, reason: null, remedy: null };
  const step = record.steps.find(({ state }) => state === (record.state === "failed" ? "fail" : "running"));
  const { title = null, why = null, remedy = null } = step ?? {};
  return { state: record.state, step: title, reason: why, remedy };
}

function parse(text: string) {
  try {
    return roleRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
