import type { RoleStep } from "../step.ts";

/** An expert node is a plain system. Who started the agent by hand wanted it so. */
export const agentStopped: RoleStep = {
  id: "agent-stopped",
  title: "Agent stopped",
  async run({ world, signal }) {
    const options = { timeoutMs: 10_000, signal, reason: "Agent stopped" };
    const { code } = await world.machine.run("systemctl", ["is-active", "--quiet", "binnacle-agent.service"], options);
    return code === 0 ? { skip: "it was started by hand" } : undefined;
  },
};
