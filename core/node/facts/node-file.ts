import * as z from "zod";
import { nodeRoles } from "../../model/facts.ts";
import { type Machine, readIfThere } from "../machine.ts";
import { parseJson } from "./source.ts";

/** Written by the installer: what this machine is in the cloud. */
export const nodeFilePath = "/etc/binnacle/node.json";

const nodeFile = z.object({
  role: z.enum(nodeRoles),
  /** Interface of the management network, when it isn't the default route's. */
  managementLink: z.string().optional(),
  /** Where this node's manager answers, as `address:port`. */
  managerAddress: z.string().optional(),
  /** Where the cloud's web interface answers, as `address:port`. */
  uiAddress: z.string().optional(),
});
export type NodeFile = z.infer<typeof nodeFile>;

/** The node's file; a machine without one was not installed as a node. A damaged one is `nonsense`, never a guess. */
export async function readNodeFile(machine: Machine): Promise<NodeFile> {
  const text = await readIfThere(machine, nodeFilePath);
  return text === undefined ? { role: "none" } : parseJson(nodeFile, text, nodeFilePath);
}
