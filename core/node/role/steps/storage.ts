import { NodeError } from "../../../model/error.ts";
import { parseClusterConf } from "../../diagnostics/ocfs2.ts";
import { readIfThere, readOrNothing } from "../../machine.ts";
import { enable, must, type RoleStep, type StepContext } from "../step.ts";
import { loadModule } from "./hypervisor.ts";

/** Name of the cluster that o2cb brings up while there is none yet. */
const defaultCluster = "binnacle";

const moduleNames = ["ocfs2", "ocfs2_stack_o2cb"];

/** Now, and at each boot: o2cb loads them only where there is a cluster. */
const modules: RoleStep = {
  id: "ocfs2-modules",
  title: "OCFS2 Modules",
  async run(context) {
    const { machine, paths, write } = context.world;
    const wanted = `${moduleNames.join("\n")}\n`;
    if ((await readIfThere(machine, paths.storageModules)) !== wanted) await write(paths.storageModules, wanted, 0o644);
    for (const name of moduleNames) await loadModule(context, name);
    return undefined;
  },
};

/** The stack o2cb, and that it comes up at each boot. */
const clusterStack: RoleStep = {
  id: "cluster-stack",
  title: "Cluster Stack",
  async run(context) {
    const { machine, paths, write } = context.world;
    const text = (await readIfThere(machine, paths.o2cb)) ?? "";
    const cluster = (await clusterOf(context)) ?? defaultCluster;
    const wanted = withSettings(text, { O2CB_ENABLED: "true", O2CB_STACK: "o2cb", O2CB_BOOTCLUSTER: cluster });
    if (wanted !== text) await write(paths.o2cb, wanted, 0o644);
    // The image's drop-ins let them start where there is a cluster only.
    for (const unit of ["o2cb.service", "ocfs2.service"])
      await must(context, ["systemctl", "enable", unit], {
        code: "ROLE.OCFS2",
        what: `${unit} can't be enabled`,
        remedy: "Install this node again: its image has no OCFS2 tools.",
      });
    return undefined;
  },
};

const clusterConfiguration: RoleStep = {
  id: "cluster-configuration",
  title: "Cluster Configuration",
  async run(context) {
    if ((await clusterOf(context)) === undefined) return { skip: "this node is in no OCFS2 cluster yet" };
    await enable(context, "o2cb.service");
    return undefined;
  },
};

export const clusterStackAnswers: RoleStep = {
  id: "cluster-stack-answers",
  title: "Cluster stack answers",
  async run({ world }) {
    const stack = await readOrNothing(world.machine, "/sys/fs/ocfs2/cluster_stack");
    if (stack === "o2cb") return undefined;
    const found =
      stack === undefined ? "The kernel has no OCFS2 loaded." : `The kernel uses the cluster stack "${stack}".`;
    throw new NodeError("ROLE.OCFS2", `${found} It should be o2cb.`, {
      remedy: "Unmount every OCFS2 volume, then run: systemctl restart systemd-modules-load o2cb",
    });
  },
};

/** What a storage node has beyond a compute node. */
export const storageSteps: readonly RoleStep[] = [modules, clusterStack, clusterConfiguration];

async function clusterOf({ world }: StepContext): Promise<string | undefined> {
  const { cluster, nodes } = parseClusterConf((await readIfThere(world.machine, world.paths.ocfs2Cluster)) ?? "");
  return nodes.length === 0 ? undefined : cluster;
}

/** A file of shell assignments with these values; what else is in it stays. */
export function withSettings(text: string, settings: Record<string, string>): string {
  let result = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  for (const [name, value] of Object.entries(settings)) {
    const pattern = new RegExp(`^${name}=.*$`, "m");
    const line = `${name}=${value}`;
    result = pattern.test(result) ? result.replace(pattern, line) : `${result}${line}\n`;
  }
  return result;
}
