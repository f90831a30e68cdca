import { NodeError } from "../../../core/model/error.ts";
import { sleep } from "../../../core/node/machine.ts";
import { sfdiskScript, slicePath, type TargetDisk } from "../layout.ts";
import { unmountTarget } from "../mounts.ts";
import { type BlockNode, diskTree, walk } from "../probe/block-devices.ts";
import { runStep, type StepContext, tryStep } from "../work.ts";

const settleAttempts = 20;
const settlePauseMs = 500;

/**
 * Frees the chosen disks of whatever holds them, wipes what was on them and writes new partition tables. No other disk
 * is touched, whatever it shared with these.
 * @throws CommandFailure, NodeError PARTITION.NO_DEVICE
 */
export async function partition(context: StepContext): Promise<void> {
  const { disks } = context.job.layout;
  await unmountTarget(context);
  for (const [nth, disk] of disks.entries()) {
    await release(context, disk);
    await wipe(context, disk);
    context.share((nth + 0.5) / disks.length);
    await writeTable(context, disk);
    context.share((nth + 1) / disks.length);
  }
  for (const { slices } of disks) for (const { uuid } of slices) await appears(context, slicePath(uuid));
  // The former content of these places was no partition before: it would come back to life.
  for (const { slices } of disks)
    for (const { uuid } of slices)
      await runStep(context, "wipefs", ["--all", "--force", slicePath(uuid)], {
        reason: "old signatures inside of the new partitions",
      });
}

async function release(context: StepContext, disk: TargetDisk): Promise<void> {
  const tree = await diskTree(context.machine, context.signal);
  const root = tree.flatMap(walk).find((node) => node.name === disk.name);
  if (root === undefined) return;
  const seen = new Set<string>();
  for (const node of walk(root).toReversed()) {
    if (seen.has(node.name)) continue;
    seen.add(node.name);
    await releaseNode(context, node, node === root);
  }
}

/** What lies on top goes first. What fails here shows when the table is written: the disk is busy then. */
async function releaseNode(context: StepContext, node: BlockNode, isDisk: boolean): Promise<void> {
  const reason = "free the disk";
  if (node.mounts.includes("[SWAP]")) await tryStep(context, "swapoff", [node.path], { reason });
  if (isDisk) return;
  if (node.type === "lvm") await tryStep(context, "dmsetup", ["remove", "--retry", node.path], { reason });
  else if (node.type === "crypt") await tryStep(context, "dmsetup", ["remove", "--retry", node.path], { reason });
  else if (node.type.startsWith("raid") || node.type === "linear" || node.type === "md")
    await tryStep(context, "mdadm", ["--stop", node.path], { reason });
}

/** Partitions first: a signature at a partition's start survives when only the table goes. */
async function wipe(context: StepContext, disk: TargetDisk): Promise<void> {
  const tree = await diskTree(context.machine, context.signal);
  const root = tree.flatMap(walk).find((node) => node.name === disk.name);
  const parts = (root?.children ?? []).filter(({ type }) => type === "part").map(({ path }) => path);
  for (const path of [...parts, disk.path])
    await runStep(context, "wipefs", ["--all", "--force", path], { reason: "remove what was on the disk" });
}

async function writeTable(context: StepContext, disk: TargetDisk): Promise<void> {
  const mirrored = context.job.layout.disks.length > 1;
  const script = sfdiskScript(disk, mirrored);
  for (const line of script.split("\n")) if (line !== "") context.log(`  ${line}`);
  // The lock keeps udev from looking at the disk in between.
  const args = ["--lock=yes", "--wipe", "always", "--wipe-partitions", "always", disk.path];
  await runStep(context, "sfdisk", args, { reason: "write the partition table", input: script });
  await tryStep(context, "blockdev", ["--rereadpt", disk.path], { reason: "tell the kernel" });
  if (disk.name.startsWith("mpath") || disk.path.includes("dm-uuid-mpath") || disk.path.startsWith("/dev/mapper/"))
    await tryStep(context, "kpartx", ["-u", disk.path], { reason: "partitions of a multipath disk" });
  await runStep(context, "udevadm", ["settle", "--timeout=30"], { reason: "wait for the devices" });
}

/** Some controllers show partitions late, after udev has nothing more to do. */
async function appears(context: StepContext, path: string): Promise<void> {
  for (let attempt = 0; attempt < settleAttempts; attempt += 1) {
    const found = await context.machine.readLink(path).catch(() => undefined);
    if (found !== undefined) return;
    await sleep(context.machine, settlePauseMs, context.signal);
    await tryStep(context, "udevadm", ["settle", "--timeout=10"], { reason: "wait for the devices" });
  }
  throw new NodeError("PARTITION.NO_DEVICE", `The kernel does not show the new partition ${path}.`, {
    remedy: "Something may still hold the disk. Restart the machine from the medium, and install again.",
  });
}
