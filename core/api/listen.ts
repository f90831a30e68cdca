import { chmodSync, chownSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { NodeError } from "../model/error.ts";

/** Longest path of a unix socket on Linux, without the NUL behind it (unix(7)). */
const maxSocketPath = 107;

/**
 * Makes sure that a socket can be opened at `path`: its folder is there, nobody else may put another one in its place,
 * and no other agent listens on it. A socket that a dead agent left behind is removed; anything else is left alone.
 *
 * @throws NodeError AGENT.SOCKET_PATH, AGENT.SOCKET_FOLDER, AGENT.ALREADY_RUNNING
 */
export async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPath)
    throw new NodeError("AGENT.SOCKET_PATH", `The socket's path is longer than ${maxSocketPath} bytes: ${path}.`, {
      remedy: "Give a shorter one.",
    });
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = statSync(folder);
  const mine = uid === process.getuid?.() || uid === 0;
  // Whoever may write in the folder could replace the socket and be given passwords. /tmp has the sticky bit.
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)
    throw new NodeError("AGENT.SOCKET_FOLDER", `Other users may write in ${folder}, where the socket would lie.`, {
      remedy: `Take that right away: chmod go-w ${folder}`,
    });
  if (!mine)
    throw new NodeError("AGENT.SOCKET_FOLDER", `${folder}, where the socket would lie, belongs to another user.`, {
      remedy: "Choose a folder of your own.",
    });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new NodeError("AGENT.SOCKET_PATH", `${path}, where the socket would lie, is something else.`, {
      remedy: "Move it away, or give another path.",
    });
  if (await isListenedOn(path)) throw alreadyRunning(path);
  await removeStale(path);
}

/**
 * Listens on the unix socket `path`; who may connect is decided by its permissions, group included.
 *
 * @returns what removes the socket at the end, unless another one lies there by then
 * @throws NodeError AGENT.ALREADY_RUNNING when another agent was faster; or the system's error
 */
export async function listenOn(server: Server, path: string, mode: number): Promise<() => void> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) => reject(isError(error, "EADDRINUSE") ? alreadyRunning(path) : error);
    server.once("error", refused);
    server.listen(path, () => {
      server.off("error", refused);
      resolve();
    });
  });
  // The folder's group is the one whose members may talk to the agent.
  const { gid } = statSync(dirname(path));
  if (mode & 0o070) chownSync(path, process.getuid?.() ?? 0, gid);
  chmodSync(path, mode);
  const { ino } = lstatSync(path);
  return () => {
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  };
}

/**
 * Removes a socket on which nobody listens. It is put aside first and looked at once more: of two agents that start at
 * the same moment, the slower one would otherwise remove the socket that the faster one has just made.
 */
async function removeStale(path: string): Promise<void> {
  const aside = join(dirname(path), `.${process.pid}.old`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isError(error, "ENOENT")) return;
    throw error;
  }
  const alive = await isListenedOn(aside);
  // `link` and not `rename`: it never replaces what lies there by now.
  if (alive) linkSync(aside, path);
  rmSync(aside, { force: true });
  if (alive) throw alreadyRunning(path);
}

/** Only a refused connection says that nobody listens: an agent that hangs, with a full queue, answers EAGAIN. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", (error) => settle(!isError(error, "ECONNREFUSED") && !isError(error, "ENOENT")));
    socket.setTimeout(2_000, () => settle(true));
  });
}

function alreadyRunning(path: string): NodeError {
  return new NodeError("AGENT.ALREADY_RUNNING", `An agent listens on ${path} already.`, {
    remedy: "Use that one, or stop it first.",
  });
}

function isError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
