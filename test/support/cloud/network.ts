import { spawn } from "node:child_process";
import { once } from "node:events";

/* A network of its own for the programs of a cloud: hosts have addresses that a cloud takes, and nothing gets out. */

export type PrivateNetwork = {
  /** Starts a program inside: goes before its command. The process stays the same, so that signals reach it. */
  readonly through: readonly string[];
  close(): Promise<void>;
};

/** All of it are addresses of this computer, inside. */
export const privateAddresses = "10.0.0.0/8";

/** Takes root. Programs inside are still reached by unix sockets. */
export async function privateNetwork(): Promise<PrivateNetwork> {
  const script = `ip link set lo up && ip route add local ${privateAddresses} dev lo && echo ready && exec sleep infinity`;
  const keeper = spawn("unshare", ["--net", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(keeper, "exit");
  const began = await Promise.race([once(keeper.stdout, "data"), gone.then(() => undefined)]);
  if (began === undefined) throw new Error("A network namespace can't be made.");
  return {
    through: ["nsenter", `--net=/proc/${keeper.pid}/ns/net`, "--"],
    async close() {
      keeper.kill();
      await gone;
    },
  };
}
