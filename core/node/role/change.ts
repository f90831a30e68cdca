import { readFile } from "node:fs/promises";
import { NodeError } from "../../model/error.ts";
import type { NodeRole } from "../../model/facts.ts";
import { type InstallRole, installRoles } from "../../model/installation/draft.ts";
import type { RoleWorld } from "./world.ts";

/** Roles that a node can be turned into. */
export const changeableRoles = ["management", "compute", "storage"] as const;
export type ChangeableRole = (typeof changeableRoles)[number];

/**
 * Whether a node of this role may be turned into another one. A node whose present role never worked (`isReady` false)
 * may go back; a role that is there may be installed again.
 *
 * @throws NodeError ROLE.UNKNOWN, ROLE.NOT_A_NODE, ROLE.EXPERT, ROLE.MANAGEMENT, ROLE.STORAGE
 */
export function checkChange(from: NodeRole, to: string, isReady: boolean): ChangeableRole {
  const wanted = changeableRoles.find((role) => role === to);
  if (to === "expert")
    throw new NodeError("ROLE.EXPERT", "A node can't be turned into an expert node.", {
      remedy: "Install it again, and choose Expert Node.",
    });
  if (wanted === undefined)
    throw new NodeError("ROLE.UNKNOWN", `There is no role "${to}".`, {
      remedy: `Give one of: ${changeableRoles.join(", ")}`,
    });
  if (from === "none")
    throw new NodeError("ROLE.NOT_A_NODE", "This machine was not installed as a node.", {
      remedy: "Install it from the image.",
    });
  if (from === wanted) return wanted;
  if (from === "management")
    throw new NodeError("ROLE.MANAGEMENT", "This is a management node: it holds the cloud, and stays what it is.", {
      remedy: "Install another machine, or install this one again after its cloud has moved.",
    });
  if (from === "storage" && isReady)
    throw new NodeError(
      "ROLE.STORAGE",
      "This is a storage node: other nodes may use its volumes, so it stays what it is.",
      {
        remedy: "Remove it from its cloud, and install it again.",
      },
    );
  return wanted;
}

/** The roles that have a plan; undefined for a machine that was not installed as a node. */
export function planned(role: NodeRole): InstallRole | undefined {
  return installRoles.find((one) => one === role);
}

/**
 * Writes the role into the node's file; whatever else is in there stays. From then on a boot goes on with it.
 *
 * @throws NodeError ROLE.NODE_FILE when what is there is no JSON object
 */
export async function writeRole(
  { paths, write }: Pick<RoleWorld, "paths" | "write">,
  role: ChangeableRole,
): Promise<void> {
  const text = await readFile(paths.nodeFile, "utf8").catch(() => "{}");
  let before: unknown;
  try {
    before = JSON.parse(text);
  } catch {
    before = undefined;
  }
  if (typeof before !== "object" || before === null || Array.isArray(before))
    throw new NodeError("ROLE.NODE_FILE", `${paths.nodeFile} is damaged.`, {
      remedy: `Put { "role": "${role}" } into it.`,
    });
  await write(paths.nodeFile, `${JSON.stringify({ ...before, role }, null, 2)}\n`, 0o644);
}
