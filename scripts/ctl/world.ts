import { networkInterfaces } from "node:os";
import { ManagerDoor } from "../../core/api/manager-door.ts";
import type { RunOptions, RunResult } from "../../core/node/command.ts";
import { runCommand } from "../../core/node/command.ts";
import { Voice } from "../network/say.ts";
import { isInteractive, Terminal } from "../network/terminal.ts";
import type { PlaceName } from "./arguments.ts";
import { ctlName } from "./command.ts";

/** Everything through which zstack-ctl sees and changes the node, beside the manager's files. */
export type CtlWorld = {
  configurationFile: string;
  /** Root's doors of the manager and of the agent. */
  door: ManagerDoor;
  agentSocket: string;
  run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult>;
  voice: Pick<Voice, "say" | "warn">;
  /** Asks a person; undefined where there is none. */
  ask: ((question: string) => Promise<boolean>) | undefined;
  now(): number;
  /** Addresses that this node has. */
  addresses(): string[];
  /** Options of ssh before ours; for tests. */
  sshOptions: readonly string[];
  /** How long the manager may take to answer after its start. */
  patienceMs: number;
};

/** A store of a hundred thousand machines is read within seconds; systemd gives it as long. */
const patienceMs = 5 * 60_000;

/** This node. */
export function realWorld(places: ReadonlyMap<PlaceName, string>): CtlWorld {
  return {
    configurationFile: places.get("configuration") ?? "/etc/binnacle/manager.conf",
    door: new ManagerDoor(places.get("manager-socket")),
    agentSocket: places.get("agent-socket") ?? "/run/binnacle/root.sock",
    run: runCommand,
    voice: new Voice(ctlName, false),
    ask: isInteractive() ? askOnce : undefined,
    now: Date.now,
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((all = []) =>
        all.filter(({ internal }) => !internal).map(({ address }) => address),
      ),
    sshOptions: [],
    patienceMs,
  };
}

async function askOnce(question: string): Promise<boolean> {
  const terminal = new Terminal();
  const { promise: interrupted, resolve } = Promise.withResolvers<boolean>();
  const refuse = () => resolve(false);
  process.once("SIGINT", refuse);
  try {
    return await Promise.race([terminal.ask(question), interrupted]);
  } finally {
    process.off("SIGINT", refuse);
    terminal.leave();
    terminal.close();
  }
}
