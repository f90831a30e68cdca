import { NodeError } from "../../../model/error.ts";
import type { InstallRole } from "../../../model/installation/draft.ts";
import { must, type RoleStep, type StepContext } from "../step.ts";

const gib = 1024 ** 3;
const leastFreeBytes = 256 * 1024 ** 2;

/** Source: image.md, "The installer's questions": below the minimum a technician was told so and went on. */
const minimum: Record<InstallRole, { cpus: number; memoryBytes: number }> = {
  management: { cpus: 4, memoryBytes: 8 * gib },
  compute: { cpus: 4, memoryBytes: 8 * gib },
  storage: { cpus: 4, memoryBytes: 8 * gib },
  expert: { cpus: 2, memoryBytes: 2 * gib },
};
/** What firmware, kernel and graphics keep of the memory that was bought. */
const memoryTolerance = 0.9;

/** The host has a name of its own, and room for what the role writes. */
export const preChecking: RoleStep = {
  id: "pre-checking",
  title: "Pre-Checking",
  async run(context) {
    const { machine } = context.world;
    const hostname = (await machine.readFile("/proc/sys/kernel/hostname")).trim();
    if (/^(localhost(\..*)?|\(none\))?$/.test(hostname))
      throw new NodeError("ROLE.HOSTNAME", `The host is called "${hostname}", as any other could be.`, {
        remedy: "Give it a name of its own: hostnamectl set-hostname NAME",
      });
    const free = await freeBytes(context, "/var/lib/binnacle");
    if (free < leastFreeBytes)
      throw new NodeError("ROLE.SPACE", `Only ${Math.floor(free / 1024 ** 2)} MB are free below /var/lib/binnacle.`, {
        remedy: "Remove what is not needed there: at least 256 MB are.",
      });
    const cpus = (await machine.readFile("/proc/cpuinfo")).match(/^processor\s*:/gm)?.length ?? 0;
    const memory = 1024 * Number(/^MemTotal:\s*(\d+)/m.exec(await machine.readFile("/proc/meminfo"))?.[1] ?? 0);
    const least = minimum[context.role];
    if (cpus >= least.cpus && memory >= least.memoryBytes * memoryTolerance) return;
    const has = `${cpus} CPUs and ${(memory / gib).toFixed(1)} GB of memory`;
    return {
      note: `${has} are less than the ${least.cpus} and ${least.memoryBytes / gib} GB that the role should have`,
    };
  },
};

async function freeBytes(context: StepContext, folder: string): Promise<number> {
  const failure = {
    code: "ROLE.SPACE",
    what: `The room below ${folder} can't be found out`,
    remedy: `See: df ${folder}`,
  };
  const text = await must(context, ["df", "--output=avail", "-B1", folder], failure);
  return Number(text.trim().split("\n").at(-1));
}

/** Virtual machines can run here at full speed: the processor can, the firmware lets it, the kernel has /dev/kvm. */
export async function checkVirtualization(context: StepContext): Promise<{ skip: string } | undefined> {
  const { machine } = context.world;
  const hasDevice = async () => (await machine.readDir("/sys/class/misc")).includes("kvm");
  if (await hasDevice()) return;
  const flags = /^flags\s*:\s*(.*)$/m.exec(await machine.readFile("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
  const module = flags.includes("vmx") ? "kvm_intel" : flags.includes("svm") ? "kvm_amd" : undefined;
  if (module !== undefined) {
    // udev loads it on a processor that can; it refuses where the firmware has switched virtualization off.
    await machine
      .run("modprobe", [module], { timeoutMs: 20_000, signal: context.signal, reason: "KVM" })
      .catch(() => {});
    if (await hasDevice()) return;
  }
  const within = await hypervisorBelow(context);
  if (within !== undefined) return { skip: `a virtual machine of ${within} without nested virtualization` };
  if (context.role === "management") return { skip: "no hardware virtualization: no virtual machines on this node" };
  const reason =
    module === undefined
      ? "The processor shows neither vmx nor svm, so virtual machines can't run on this node."
      : "The processor can virtualize, but the firmware has switched it off.";
  throw new NodeError("ROLE.VIRTUALIZATION", reason, {
    remedy: "Enable Intel VT-x or AMD SVM in the firmware setup, then power off and on.",
  });
}

/** The hypervisor that this machine itself runs in; undefined on bare metal. */
async function hypervisorBelow({ world, signal }: StepContext): Promise<string | undefined> {
  const options = { timeoutMs: 5000, signal, reason: "Check Virtualization" };
  const name = await world.machine.run("systemd-detect-virt", ["--vm"], options).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
  return name === "" || name === "none" ? undefined : name;
}

/** What `checkVirtualization` finds, as a step of its own. */
export const virtualization: RoleStep = {
  id: "virtualization",
  title: "Check Virtualization",
  run: checkVirtualization,
};

/** The host's UUID, SSH keys, and the files that follow from its role; what reads them is told when they are new. */
export const hostIdentity: RoleStep = {
  id: "host-identity",
  title: "Host Identity",
  async run(context) {
    const { machine, paths, ensureIdentity } = context.world;
    const changed = await ensureIdentity(context.role);
    const remedy = `See: nft -c -f ${paths.nftables}`;
    if (changed.includes("firewall"))
      await must(context, ["nft", "-f", paths.nftables], {
        code: "ROLE.FIREWALL",
        what: "The firewall refuses its rules",
        remedy,
      });
    const restart = [
      ...(changed.includes("time-service") ? ["chrony.service"] : []),
      ...(changed.includes("libvirt") ? ["libvirtd.service", "virtqemud.service"] : []),
    ];
    // At the first boot nothing of this runs yet: it is made before they start.
    if (restart.length > 0)
      await machine
        .run("systemctl", ["try-restart", ...restart], {
          timeoutMs: 60_000,
          signal: context.signal,
          reason: "Host Identity",
        })
        .catch(() => {});
    return changed.length === 0 ? undefined : { note: `made: ${changed.join(", ")}` };
  },
};

/** The node's key and certificate, and the cloud's authority on a management node. */
export const certificates: RoleStep = {
  id: "certificates",
  title: "Certificates",
  async run({ world, role }) {
    await world.ensureCertificates(role);
    return undefined;
  },
};
