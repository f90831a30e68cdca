import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run, unpackedKernel } from "../libvirt/guest.ts";
import { temporaryFolder } from "../programs.ts";

/*
 * A script on the kernel that nodes have, Debian's own, whatever kernel this machine has: its bridges, VLANs and nftables.
 * It is run by busybox, with ip, nft and perl besides, as the first process of a machine without disks.
 */

const programs = ["ip", "nft", "perl"];
/** What the network needs of a kernel. */
const moduleFolders = ["kernel/net", "kernel/lib", "kernel/crypto", "kernel/drivers/net/veth.ko"];

const head = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin
ip() { /usr/bin/ip "$@"; }
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
ip link set lo up
# What the kernel says of a slow machine comes between the lines, and into them.
dmesg -n 1
echo
`;
const tail = "\necho; echo THE END\npoweroff -f\n";

/**
 * What a script prints, by lines. Takes some 40 s where QEMU translates. @param files by their paths there
 * @throws Error with what was printed, when the kernel ended before the script
 */
export async function onDebianKernel(script: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  const { path: folder, dispose } = temporaryFolder();
  try {
    const { vmlinuz, modules } = await unpackedKernel(folder);
    const tree = join(folder, "tree");
    for (const each of ["bin", "usr/bin", "proc", "sys", "dev", "run", "tmp", "sbin"])
      mkdirSync(join(tree, each), { recursive: true });
    await takePrograms(tree);
    const [version = ""] = readdirSync(modules);
    for (const each of [...moduleFolders, "modules.builtin", "modules.order"])
      takeModules(modules, version, each, tree);
    await run("busybox", ["depmod", "-b", tree, version]);
    // Where the kernel itself looks for it.
    symlinkSync("/bin/busybox", join(tree, "sbin/modprobe"));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(tree, path), text);
    writeFileSync(join(tree, "init"), `${head}${script}${tail}`, { mode: 0o755 });
    const initrd = join(folder, "initrd");
    await run("sh", ["-c", 'cd "$1" && find . | busybox cpio -o -H newc | gzip -1 >"$2"', "sh", tree, initrd]);
    return await printed(vmlinuz, initrd);
  } finally {
    dispose();
  }
}

async function takePrograms(tree: string): Promise<void> {
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((file) => existsSync(file));
  if (busybox === undefined) throw new Error("busybox-static is not installed.");
  copyFileSync(busybox, join(tree, "bin/busybox"));
  chmodSync(join(tree, "bin/busybox"), 0o755);
  for (const program of programs) {
    const path = (await run("sh", ["-c", 'command -v "$1"', "sh", program])).trim();
    copyFileSync(path, join(tree, "usr/bin", program));
    for (const library of (await run("ldd", [path])).match(/\/\S+(?= \()/g) ?? []) {
      mkdirSync(dirname(join(tree, library)), { recursive: true });
      copyFileSync(library, join(tree, library));
    }
  }
}

function takeModules(modules: string, version: string, path: string, tree: string): void {
  const found = [path, `${path}.xz`].find((each) => existsSync(join(modules, version, each)));
  if (found === undefined) return;
  const target = join(tree, "lib/modules", version, found);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(modules, version, found), target, { recursive: true });
}

async function printed(vmlinuz: string, initrd: string): Promise<string[]> {
  const machine = [
    "-M",
    "q35",
    "-cpu",
    "max",
    "-accel",
    "tcg",
    "-m",
    "512",
    "-nographic",
    "-no-reboot",
    "-nic",
    "none",
  ];
  const boot = [
    "-kernel",
    vmlinuz,
    "-initrd",
    initrd,
    "-append",
    "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check",
  ];
  const qemu = spawn("qemu-system-x86_64", [...machine, ...boot], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 1_800_000,
  });
  const ended = once(qemu, "close");
  let text = "";
  qemu.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (process.env["BINNACLE_TEST_LOG"] === "1") process.stderr.write(chunk);
  });
  await ended;
  const lines = text.split(/\r?\n/);
  if (!lines.includes("THE END")) throw new Error(`The machine ended early: ${text.slice(-4000)}`);
  return lines;
}
