import { NodeError } from "../../../model/error.ts";
import { answersWithin, must, type RoleStep, type StepContext, start } from "../step.ts";
import { checkVirtualization } from "./system.ts";

/** libvirt's daemon, as one program or as one for each driver, the first that is installed. */
const daemons = ["libvirtd.service", "virtqemud.service"];
const agentUnit = "binnacle-agent.service";
/** An emulated machine that starts everything at once was seen to take half a minute. */
const agentWithinMs = 90_000;

/** The emulator that runs virtual machines starts. */
const qemu: RoleStep = {
  id: "qemu",
  title: "QEMU",
  async run(context) {
    const remedy = "Install this node again: its image is not complete.";
    const failure = { code: "ROLE.QEMU", what: "QEMU does not start", remedy };
    const said = await must(context, ["qemu-system-x86_64", "--version"], failure);
    return { note: said.split("\n")[0] ?? "" };
  },
};

const libvirt: RoleStep = {
  id: "libvirt",
  title: "Libvirt",
  async run(context) {
    const daemon = await installedDaemon(context);
    if (daemon === undefined)
      throw new NodeError("ROLE.LIBVIRT", "libvirt is not installed.", {
        remedy: "Install this node again: its image is not complete.",
      });
    await start(context, daemon);
    return undefined;
  },
};

/** Virtual machines reach the network through bridges. */
const bridgeModule: RoleStep = {
  id: "bridge-module",
  title: "Bridge Module",
  async run(context) {
    await loadModule(context, "bridge");
    return undefined;
  },
};

const agent: RoleStep = {
  id: "agent",
  title: "Agent",
  async run(context) {
    await start(context, agentUnit);
    return undefined;
  },
};

export const hypervisorAnswers: RoleStep = {
  id: "hypervisor-answers",
  title: "Hypervisor answers",
  async run(context) {
    await askLibvirt(context);
    return undefined;
  },
};

export const agentAnswers: RoleStep = {
  id: "agent-answers",
  title: "Agent answers",
  async run(context) {
    if (await answersWithin(context, agentWithinMs, (signal) => context.world.agentAnswers(signal))) return undefined;
    throw new NodeError("ROLE.AGENT", `The agent does not answer on ${context.world.paths.agentSocket}.`, {
      remedy: `See: journalctl -b -u ${agentUnit}`,
    });
  },
};

/** What makes a node a hypervisor, one line each. */
export const hypervisorSteps: readonly RoleStep[] = [qemu, libvirt, bridgeModule, agent];

/** On a management node one line stands for all of it: it is a hypervisor as well, where the machine and the image can. */
export const managementVirtualization: RoleStep = {
  id: "virtualization",
  title: "Check Virtualization",
  async run(context) {
    const result = await checkVirtualization(context);
    const daemon = await installedDaemon(context);
    if (daemon === undefined) return { skip: "this image contains no hypervisor" };
    await start(context, daemon);
    await askLibvirt(context);
    return result;
  },
};

export async function loadModule(context: StepContext, name: string): Promise<void> {
  await must(context, ["modprobe", name], {
    code: "ROLE.MODULE",
    what: `The kernel's module ${name} can't be loaded`,
    remedy: "Start the version of the system that belongs to this kernel, or install this node again.",
  });
}

async function askLibvirt(context: StepContext): Promise<void> {
  await must(context, ["virsh", "-c", "qemu:///system", "version"], {
    code: "ROLE.LIBVIRT",
    what: "libvirt does not answer",
    remedy: "See: journalctl -b -u libvirtd -u virtqemud",
    // At its first start it asks QEMU what it can do, before it answers.
    timeoutMs: 120_000,
  });
}

async function installedDaemon({ world, signal }: StepContext): Promise<string | undefined> {
  const args = ["show", "--property=Id,LoadState", "--", ...daemons];
  const { stdout } = await world.machine.run("systemctl", args, { timeoutMs: 10_000, signal, reason: "libvirt" });
  const blocks = stdout.split(/\n\n+/);
  return daemons.find((unit) =>
    blocks.some((block) => /^LoadState=loaded$/m.test(block) && block.split("\n").includes(`Id=${unit}`)),
  );
}
