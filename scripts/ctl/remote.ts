import { open } from "node:fs/promises";
import { basename } from "node:path";
import { hostnameProblem, parseAddress } from "../../core/model/address.ts";
import { readBackupName, surplusBackups } from "../../core/model/backup.ts";
import { NodeError } from "../../core/model/error.ts";
import { quoted, shown } from "../../core/model/quote.ts";
import { UsageError } from "./arguments.ts";
import type { CtlWorld } from "./world.ts";

/*
 * Copies of backups on another machine, by the system's ssh. What is sent to its shell is our own text and names that a
 * backup may have, which hold nothing that a shell knows; whoever and wherever are arguments of ssh behind `--`.
 */

export type Target = { user: string; host: string };

const remoteFolder = "binnacle-backups";
const commandMs = 60_000;
/** Slower than any line that a backup is sent over. */
const leastBytesPerSecond = 50_000;

/** @throws UsageError */
export function targetOf(text: string): Target {
  const cut = text.lastIndexOf("@");
  const [user, host] = [text.slice(0, Math.max(cut, 0)), text.slice(cut + 1)];
  const isUser = /^[a-z_][a-z\d_.-]{0,31}$/i.test(user);
  const isHost = parseAddress(host) !== undefined || hostnameProblem(host) === undefined;
  if (isUser && isHost) return { user, host };
  throw new UsageError(`--host takes USER@IP, such as backup@10.0.0.9, not ${quoted(text)}.`);
}

/**
 * Copies a backup into the folder of backups there: checked, synced and then renamed, so that no part of one is ever
 * taken for a whole one. `keep`: how many of this node's backups stay there. Gives those that were deleted.
 *
 * @throws CTL.SSH_DENIED, CTL.SSH_UNKNOWN_HOST, CTL.SSH_FAILED, CTL.NOT_COPIED
 */
export async function copyAway(
  world: CtlWorld,
  target: Target,
  backup: { file: string; sha256: string; sizeBytes: number },
  keep: number | null,
): Promise<string[]> {
  const name = basename(backup.file);
  const told = readBackupName(name);
  if (told === undefined || !/^[\da-f]{64}$/.test(backup.sha256)) throw new Error("This is the name of no backup.");
  const handle = await open(backup.file, "r");
  let listing: string;
  try {
    const timeoutMs = commandMs + (backup.sizeBytes / leastBytesPerSecond) * 1000;
    listing = await onTarget(world, target, takingLines(name, backup.sha256), { timeoutMs, inputFrom: handle.fd });
  } finally {
    await handle.close();
  }
  const surplus = keep === null ? [] : surplusBackups(listing.split("\n"), keep, { host: told.host, made: name });
  if (surplus.length > 0)
    await onTarget(world, target, [`cd ${remoteFolder}`, `rm -f -- ${surplus.join(" ")}`], { timeoutMs: commandMs });
  return surplus;
}

function takingLines(name: string, sha256: string): string[] {
  const part = `.${name}.unfinished`;
  return [
    "umask 077",
    `mkdir -p ${remoteFolder}`,
    `cd ${remoteFolder}`,
    // Of a copy whose machine went down.
    'find . -maxdepth 1 -name ".*.unfinished" -mmin +1440 -exec rm -f {} +',
    `trap "rm -f ${part}" EXIT`,
    'trap "exit 1" HUP INT TERM',
    `cat > ${part}`,
    `echo "${sha256}  ${part}" | sha256sum -c - > /dev/null`,
    `sync ${part} || sync`,
    `mv -f ${part} ${name}`,
    "sync . || sync",
    "ls",
  ];
}

type How = { timeoutMs: number; inputFrom?: number };

/** Runs lines of sh there, whatever the login shell is: they hold no single quote. */
async function onTarget(
  { run, sshOptions }: CtlWorld,
  { user, host }: Target,
  lines: readonly string[],
  how: How,
): Promise<string> {
  const args = [
    ...sshOptions,
    ...["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"],
    ...["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"],
    ...["-l", user, "--", host, `exec sh -c '${["set -e", ...lines].join("; ")}'`],
  ];
  const { code, stdout, stderr } = await run("ssh", args, { ...how, reason: "a backup is copied away" });
  if (code === 0) return stdout;
  throw failure(`${user}@${host}`, code, stderr);
}

/** 255: ssh itself, before or instead of the command. Source: ssh(1), "EXIT STATUS". */
function failure(where: string, code: number, stderr: string): NodeError {
  const lines = stderr.trim().split("\n");
  const why = shownLine(lines.findLast((line) => line.trim() !== "") ?? `status ${code}`);
  const values = { host: where };
  if (code !== 255)
    return new NodeError("CTL.NOT_COPIED", `The backup could not be stored on ${where}: ${why}.`, {
      remedy: `Make room for it there. It is complete on this node; nothing half of it stays on ${where}.`,
      values,
    });
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr))
    return new NodeError("CTL.SSH_UNKNOWN_HOST", `The SSH host key of ${where} is not known here, or another one.`, {
      remedy: `Log in once as root of this node, and compare its fingerprint: ssh ${where}`,
      values,
    });
  if (/Permission denied|Too many authentication failures/.test(stderr))
    return new NodeError("CTL.SSH_DENIED", `${where} does not accept the SSH key of root of this node.`, {
      remedy: `Give it the key: ssh-keygen -t ed25519, where there is none, then ssh-copy-id ${where}`,
      values,
    });
  return new NodeError("CTL.SSH_FAILED", `${where} is not reached by SSH: ${why}.`, {
    remedy: `Try: ssh ${shown(where)}`,
    values,
  });
}

function shownLine(line: string): string {
  return line.trim().replace(/\.$/, "").slice(0, 200);
}
