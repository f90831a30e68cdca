import { arrayPath, devicePath, type Layout, slicePath, type Volume } from "../layout.ts";
import { unmountTarget } from "../mounts.ts";
import { runStep, type StepContext } from "../work.ts";

const formatTimeoutMs = 600_000;

/** Arrays, volume group and file systems, all with UUIDs that are known already. @throws CommandFailure */
export async function format(context: StepContext): Promise<void> {
  const { layout } = context.job;
  await unmountTarget(context);
  for (const { array, slices } of arraysOf(layout)) await createArray(context, array, slices);
  await createGroup(context, layout);
  for (const [nth, volume] of layout.volumes.entries()) {
    await formatVolume(context, volume);
    context.share((nth + 1) / layout.volumes.length);
  }
  await runStep(context, "udevadm", ["settle", "--timeout=30"], { reason: "wait for the devices" });
}

function arraysOf({ volumes, group }: Layout): { array: string; slices: string[] }[] {
  const devices = [
    ...volumes.map(({ device }) => device),
    ...(group === null ? [] : [{ kind: "slices", ...group } as const]),
  ];
  return devices.flatMap((device) =>
    device.kind === "slices" && device.array !== null ? [{ array: device.array, slices: device.slices }] : [],
  );
}

/**
 * Metadata 1.0 lies at the end of /boot's members: each looks like a plain file system to a GRUB that knows no RAID.
 * Source: md(4).
 */
async function createArray(context: StepContext, array: string, slices: readonly string[]): Promise<void> {
  const path = arrayPath(array);
  const stopped = { reason: "an array of a former attempt", accept: [1, 2, 4] };
  await runStep(context, "mdadm", ["--stop", path], stopped);
  const members = slices.map(slicePath);
  await runStep(context, "mdadm", ["--zero-superblock", "--force", ...members], {
    ...stopped,
    reason: "a fresh array",
  });
  const metadata = array.endsWith("-boot") ? "1.0" : "1.2";
  const args = [
    ...["--create", path, "--run", "--level=1", `--raid-devices=${members.length}`, `--metadata=${metadata}`],
    ...[`--name=${array}`, "--homehost=any", "--bitmap=internal", ...members],
  ];
  await runStep(context, "mdadm", args, { reason: "RAID 1", timeoutMs: formatTimeoutMs });
}

async function createGroup(context: StepContext, { group, volumes }: Layout): Promise<void> {
  if (group === null) return;
  const device = devicePath({ kind: "slices", array: group.array, slices: group.slices });
  const reason = "volume group";
  await runStep(context, "vgremove", ["--force", "--yes", group.name], {
    reason: "a group of a former attempt",
    accept: [5],
  });
  await runStep(context, "pvcreate", ["--force", "--force", "--yes", device], { reason });
  await runStep(context, "vgcreate", ["--yes", group.name, device], { reason });
  const logical = volumes.flatMap(({ device: on }) => (on.kind === "logical" ? [on] : []));
  // Metadata takes a little of the partition: the largest volume gives it.
  const largest = logical.toSorted((a, b) => b.sizeBytes - a.sizeBytes)[0];
  for (const one of [...logical.filter((other) => other !== largest), ...(largest === undefined ? [] : [largest])]) {
    const size = one === largest ? ["--extents", "100%FREE"] : ["--size", `${one.sizeBytes}b`];
    await runStep(context, "lvcreate", ["--yes", "--wipesignatures", "y", ...size, "--name", one.name, one.group], {
      reason,
    });
  }
}

async function formatVolume(context: StepContext, volume: Volume): Promise<void> {
  const [command, ...args] = formatCommand(volume);
  await runStep(context, command, args, { reason: `format ${volume.purpose}`, timeoutMs: formatTimeoutMs });
}

/** The command that makes a volume's file system, with its label and UUID. */
export function formatCommand({ purpose, uuid, label, device }: Volume): [command: string, ...args: string[]] {
  const path = devicePath(device);
  switch (purpose) {
    case "efi":
      return ["mkfs.vfat", "-F", "32", "-n", label, "-i", uuid.replace("-", ""), path];
    case "swap":
      return ["mkswap", "--force", "--label", label, "--uuid", uuid, path];
    case "boot":
      // GRUB reads it: without what newer e2fsprogs add and older GRUBs refuse.
      return ["mkfs.ext4", "-F", "-q", "-L", label, "-U", uuid, "-O", "^orphan_file,^metadata_csum_seed", path];
    default:
      return ["mkfs.ext4", "-F", "-q", "-L", label, "-U", uuid, "-m", "1", path];
  }
}
