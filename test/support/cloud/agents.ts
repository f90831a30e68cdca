import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GivenSimulation } from "../../../core/hypervisor/simulated/settings.ts";
import { SimulatedState } from "../../../core/hypervisor/simulated/state.ts";
import { type RunningAgent, startAgent, temporaryFolder } from "../programs.ts";

/* Hosts that are the agent's program itself, with the simulated hypervisor. */

export const agentPassword = "Correct-Horse-9";

export type HostAgent = {
  readonly address: string;
  readonly process: RunningAgent;
  /** What its hypervisor keeps: machines with the start of the host that they run in, volumes by their path. */
  kept(): Promise<Pick<SimulatedState, "machines" | "volumes">>;
  /** Ids of the commands that it has begun, in their order: one that it begins again is in it again. */
  begun(): string[];
  stop(): Promise<void>;
};

export type HostOptions = {
  address: string;
  port: number;
  simulation: GivenSimulation;
  /** Of its network. */
  through: readonly string[];
};

/** Starts an agent that listens to managers, with a password of root's. */
export async function startHost({ address, port, simulation, through }: HostOptions): Promise<HostAgent> {
  const folder = temporaryFolder();
  const home = folder.path;
  mkdirSync(join(home, "simulated"), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, "simulated/simulation.json"), JSON.stringify(simulation));
  const args = ["--host-port", String(port), "--host-address", address, "--hypervisor", "simulated"];
  const process = await startAgent({ home, args, through });
  await process.client().call("choosePassword", { body: { password: agentPassword } });
  return {
    address,
    process,
    async kept() {
      // Of a copy: whoever opens the journal may mend it.
      const copy = temporaryFolder();
      const file = join(copy.path, "machines.jsonl");
      const original = join(home, "simulated/machines.jsonl");
      if (existsSync(original)) copyFileSync(original, file);
      const state = await SimulatedState.open(file);
      copy.dispose();
      return state;
    },
    begun() {
      const file = join(home, "commands/commands.jsonl");
      if (!existsSync(file)) return [];
      const lines = readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.startsWith('{"accepted"'));
      return lines.map((line) => String((JSON.parse(line) as { accepted: { id: string } }).accepted.id));
    },
    async stop() {
      await process.stop();
      folder.dispose();
    },
  };
}
