import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { InstallRole } from "../../model/installation/draft.ts";
import { writeDurably } from "../durable.ts";
import type { Machine } from "../machine.ts";
import { agentAnswers, managerAnswers } from "./answers.ts";
import { ensureCertificates } from "./certificates.ts";
import { ensureIdentity } from "./identity.ts";
import { type RolePaths, rolePaths } from "./paths.ts";

/** Everything through which a role's steps see and change the machine. */
export type RoleWorld = {
  machine: Machine;
  paths: RolePaths;
  /** Replaces a file durably, and makes its folder. */
  write(file: string, text: string, mode: number): Promise<void>;
  /** Host UUID, SSH host keys, and the files that follow from the role. Gives what was made or changed. */
  ensureIdentity(role: InstallRole): Promise<string[]>;
  ensureCertificates(role: InstallRole): Promise<void>;
  /** Whether the agent answers on its socket now. */
  agentAnswers(signal: AbortSignal): Promise<boolean>;
  /** Whether the manager answers on TCP 8080 of this node now, with a certificate of this cloud. */
  managerAnswers(signal: AbortSignal): Promise<boolean>;
};

/** This machine, or a file tree of another one below `root`, for tests. */
export function realWorld(machine: Machine, root = ""): RoleWorld {
  const paths = rolePaths(root);
  const write = putFile;
  return {
    machine,
    paths,
    write,
    ensureIdentity: (role) => ensureIdentity({ machine, paths, write }, role),
    ensureCertificates: (role) => ensureCertificates({ machine, paths, write }, role),
    agentAnswers: (signal) => agentAnswers(paths.agentSocket, signal),
    managerAnswers: (signal) => managerAnswers(machine, paths, signal),
  };
}

async function putFile(file: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  await writeDurably(file, text, mode);
}
