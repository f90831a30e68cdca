import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ManagerDoor } from "../../../core/api/manager-door.ts";
import { bundle, ensureBuilt, nodeFlags } from "../../../scripts/dev/build.ts";
import { undoAfter } from "../undo.ts";

export type ManagerProgram = {
  readonly socketPath: string;
  /** Asks at root's door. */
  readonly door: ManagerDoor;
  /** Starts it, again after it has ended, and does not wait until it serves. */
  start(): void;
  /** Sends a signal; gives when its process has ended. */
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<void>;
  /** What it wrote. */
  output(): string;
};

/** The manager's own program with its files below `folder`, not started yet. */
export async function managerProgram(t: TestContext, folder: string): Promise<ManagerProgram> {
  await ensureBuilt();
  const file = (name: string) => join(folder, name);
  mkdirSync(file("tls"), { recursive: true, mode: 0o700 });
  const lines = [
    `api.address=${ownAddress}`,
    `metrics.address=${ownAddress}`,
    `tls.folder=${file("tls")}`,
    `store.file=${file("store.db")}`,
  ];
  writeFileSync(file("manager.conf"), `${lines.join("\n")}\n`);
  writeFileSync(file("admin-password"), "a long enough secret\n", { mode: 0o600 });
  const socketPath = file("manager.sock");
  const door = new ManagerDoor(socketPath);
  let output = "";
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  undoAfter(t, async () => {
    door.close();
    child?.kill("SIGKILL");
    await ended;
  });
  return {
    socketPath,
    door,
    start() {
      const args = ["--configuration", file("manager.conf"), "--socket", socketPath];
      const more = ["--admin-password", file("admin-password")];
      const made = spawn(process.execPath, [...nodeFlags.manager, bundle("manager"), ...args, ...more], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      made.stderr.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      child = made;
      ended = new Promise((resolve) => made.once("exit", () => resolve()));
    },
    signal: (name) => void child?.kill(name),
    get ended() {
      return ended;
    },
    output: () => output,
  };
}

/**
 * An address of this computer on which no other process of the tests listens: ports that are looked for by chance may
 * be taken by somebody else before they are used.
 */
export const ownAddress = `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
