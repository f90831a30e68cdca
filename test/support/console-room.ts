import { afterEach, beforeEach } from "node:test";
import { type ConsoleBed, type ConsoleOptions, closeConsolesWithoutFault, openConsole } from "./console.ts";
import { type RunningAgent, startAgent, stopAgents, temporaryFolder } from "./programs.ts";
import { goodPassword } from "./steps.ts";

/** A folder of its own for each test, and the agents and consoles that are started in it. */
export type ConsoleRoom = {
  /** The folder of the test that runs now. */
  readonly path: string;
  /** A console of a node: tty1, which can't be left. */
  open(socketPath: string, more?: Partial<ConsoleOptions>): Promise<ConsoleBed>;
  /** An agent whose home is the folder. */
  agent(): Promise<RunningAgent>;
  agentWithPassword(): Promise<RunningAgent>;
};

/**
 * Makes the room before each test of a file and clears it behind each, after `alsoClose`. A console that showed a trace
 * of a fault fails its test.
 */
export function consoleRoom(alsoClose: () => Promise<void> = async () => {}): ConsoleRoom {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    try {
      await closeConsolesWithoutFault();
    } finally {
      await alsoClose();
      await stopAgents();
      folder.dispose();
    }
  });
  const agent = () => startAgent({ home: folder.path, fixture: "laptop-vm" });
  return {
    get path() {
      return folder.path;
    },
    open: (socketPath, more = {}) => openConsole({ socketPath, args: ["--console", "tty1", "--no-quit"], ...more }),
    agent,
    async agentWithPassword() {
      const running = await agent();
      await running.client("setup").call("choosePassword", { body: { password: goodPassword } });
      return running;
    },
  };
}
