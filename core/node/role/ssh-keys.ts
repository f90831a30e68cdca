import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import { syncFolder } from "../durable.ts";
import type { Machine } from "../machine.ts";

/** The kinds that sshd offers by default, as in the names of their files. Source: sshd_config(5), `HostKey`. */
const kinds = ["rsa", "ecdsa", "ed25519"];

/**
 * Makes the SSH host keys that are absent or, after a power cut, empty; others stay. ssh-keygen itself never syncs: so
 * the keys are made aside, synced, and moved, the private one last. Gives the kinds that were made.
 *
 * @throws NodeError SSH.KEYS when ssh-keygen fails, RUN.NOT_FOUND without it
 */
export async function ensureSshKeys(machine: Machine, folder: string): Promise<string[]> {
  const wanted: string[] = [];
  for (const kind of kinds) if (!(await hasContent(keyFile(folder, kind)))) wanted.push(kind);
  if (wanted.length === 0) return [];
  const aside = join(folder, ".binnacle-new");
  // `ssh-keygen -A -f PREFIX` works in PREFIX/etc/ssh.
  const made = join(aside, "etc/ssh");
  await rm(aside, { recursive: true, force: true });
  await mkdir(made, { recursive: true, mode: 0o700 });
  try {
    const args = ["-A", "-f", aside];
    const { code, stderr } = await machine.run("ssh-keygen", args, { timeoutMs: 60_000, reason: "SSH host keys" });
    if (code !== 0)
      throw new NodeError("SSH.KEYS", `The SSH host keys could not be made: ${stderr.trim().slice(0, 200)}.`, {
        remedy: `Make room on the file system of ${folder}, or run: ssh-keygen -A`,
      });
    for (const kind of wanted) {
      for (const end of [".pub", ""]) {
        const from = `${keyFile(made, kind)}${end}`;
        await syncFile(from);
        await rename(from, `${keyFile(folder, kind)}${end}`);
      }
    }
    await syncFolder(folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return wanted;
}

function keyFile(folder: string, kind: string): string {
  return join(folder, `ssh_host_${kind}_key`);
}

async function hasContent(file: string): Promise<boolean> {
  return stat(file).then(
    ({ size }) => size > 0,
    () => false,
  );
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
