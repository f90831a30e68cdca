import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { NodeError } from "../model/error.ts";

/** Longest path of a unix socket on Linux, without the NUL behind it (unix(7)). */
const maxSocketPath = 107;

/**
 * Makes sure that a socket can be opened at `path`: its folder is there, nobody else may put another one in its place,
 * and no other agent answers on it. A socket that a dead agent left behind is removed.
 * Returns what removes the socket at the end.
 *
 * @throws NodeError AGENT.SOCKET_PATH, AGENT.SOCKET_FOLDER, AGENT.ALREADY_RUNNING
 */
export async function claimSocket(path: string): Promise<() => void> {
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
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    if (await answers(path))
      throw new NodeError("AGENT.ALREADY_RUNNING", `An agent listens on ${path} already.`, {
        remedy: "Use that one, or stop it first.",
      });
    rmSync(path, { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** Listens on the unix socket `path`; who may connect is decided by its permissions, group included. */
export async function listenOn(server: Server, path: string, mode: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // The folder's group is the one whose members may talk to the agent.
  const { gid } = statSync(dirname(path));
  if (mode & 0o070) chownSync(path, process.getuid?.() ?? 0, gid);
  chmodSync(path, mode);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.setTimeout(2_000, () => settle(true));
  });
}
