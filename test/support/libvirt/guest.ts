import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection, type Socket } from "node:net";
import { basename, join } from "node:path";
import { runCommand } from "../../../core/node/command.ts";
import { Shell } from "../vm/shell.ts";

/* A small guest: Debian's kernel and busybox, which start from the machine's first disk within seconds. */

const kept = "/var/tmp/binnacle-test";
const kernelPackage = "linux-image-cloud-amd64";
/** In the order in which they are loaded. */
const modules = [
  "failover",
  "net_failover",
  "virtio",
  "virtio_ring",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "virtio_blk",
  "virtio_net",
  "virtio_console",
  "virtio_balloon",
  "evdev",
  "cdrom",
  "isofs",
  "button",
];

/**
 * The guest's disk, a raw file that nobody may change: `qemu-img convert` or an overlay makes a root volume of it. It is
 * kept in /var/tmp. Needs root's apt, xorriso, grub-pc-bin, mtools and busybox-static.
 *
 * @returns its path; about 25 MB
 */
export async function guestImage(): Promise<string> {
  const init = readFileSync(join(import.meta.dirname, "guest-init"));
  const address = readFileSync(join(import.meta.dirname, "guest-address"));
  const hash = createHash("sha256").update(init).update(address).update(modules.join()).update(recipe.join());
  const image = join(kept, `guest-${hash.digest("hex").slice(0, 16)}.img`);
  if (existsSync(image)) return image;
  mkdirSync(kept, { recursive: true });
  const folder = mkdtempSync(join(kept, "guest-"));
  try {
    const kernel = await unpackedKernel(folder);
    const tree = makeTree(folder, kernel.modules);
    writeFileSync(join(tree, "init"), init, { mode: 0o755 });
    writeFileSync(join(tree, "bin/address"), address, { mode: 0o755 });
    const disk = join(folder, "disk");
    mkdirSync(join(disk, "boot/grub"), { recursive: true });
    copyFileSync(kernel.vmlinuz, join(disk, "boot/vmlinuz"));
    await run("sh", ["-c", 'cd "$1" && find . | busybox cpio -o -H newc >"$2"', "sh", tree, join(disk, "boot/initrd")]);
    writeFileSync(join(disk, "boot/grub/grub.cfg"), recipe.join("\n"));
    const made = join(folder, "made");
    await run("grub-mkrescue", ["-d", "/usr/lib/grub/i386-pc", "-o", made, disk, "--", "-volid", "GUEST"]);
    chmodSync(made, 0o444);
    renameSync(made, image);
    return image;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A volume of its own with the guest on it, as qcow2 at `path`. */
export async function guestVolume(path: string): Promise<void> {
  await run("qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", await guestImage(), path]);
}

const recipe = [
  "terminal_output console",
  "linux /boot/vmlinuz console=tty0 console=ttyS0,115200 quiet panic=-1 mitigations=off",
  "initrd /boot/initrd",
  "boot",
  "",
];

/** Debian's own package of this machine's release, without installing it. `modules`: the folder of its versions. */
export async function unpackedKernel(folder: string): Promise<{ vmlinuz: string; modules: string }> {
  const depends = () =>
    run("apt-cache", ["depends", kernelPackage]).then((text) => /Depends: (linux-image-\S+)/.exec(text)?.[1]);
  const name = (await depends().catch(() => undefined)) ?? (await run("apt-get", ["update", "--quiet"]).then(depends));
  if (name === undefined) throw new Error(`Debian's archive has no ${kernelPackage}.`);
  await run("sh", ["-c", 'cd "$1" && apt-get download --quiet "$2"', "sh", folder, name]);
  const file = readdirSync(folder).find((each) => each.endsWith(".deb"));
  if (file === undefined) throw new Error(`${name} was not downloaded.`);
  const tree = join(folder, "kernel");
  await run("dpkg-deb", ["--extract", join(folder, file), tree]);
  const vmlinuz = readdirSync(join(tree, "boot")).find((each) => each.startsWith("vmlinuz"));
  if (vmlinuz === undefined) throw new Error(`${file} has no kernel.`);
  return {
    vmlinuz: join(tree, "boot", vmlinuz),
    modules: join(tree, existsSync(join(tree, "usr/lib/modules")) ? "usr/lib" : "lib", "modules"),
  };
}

function makeTree(folder: string, moduleFolder: string): string {
  const tree = join(folder, "tree");
  for (const each of ["bin", "dev", "etc/acpi/PWRF/00000080", "modules", "proc", "sys"])
    mkdirSync(join(tree, each), { recursive: true });
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((file) => existsSync(file));
  if (busybox === undefined) throw new Error("busybox-static is not installed.");
  copyFileSync(busybox, join(tree, "bin/busybox"));
  chmodSync(join(tree, "bin/busybox"), 0o755);
  symlinkSync("busybox", join(tree, "bin/sh"));
  const found = new Map(
    filesBelow(moduleFolder).map((file) => [
      basename(file)
        .replace(/\.ko(\.xz)?$/, "")
        .replaceAll("-", "_"),
      file,
    ]),
  );
  const order = modules.flatMap((name) => {
    const file = found.get(name);
    // In another kernel it may be built in.
    if (file === undefined) return [];
    copyFileSync(file, join(tree, "modules", basename(file)));
    return [basename(file)];
  });
  writeFileSync(join(tree, "modules/order"), `${order.join("\n")}\n`);
  writeFileSync(join(tree, "etc/acpi/PWRF/00000080/off"), "#!/bin/sh\npoweroff -f\n", { mode: 0o755 });
  return tree;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

export async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Where the serial line of a machine is seen from here. */
export type SerialPlace = { serialSocket(uuid: string): string };

/** The serial line of a guest on a host in namespaces. One at a time: nobody else may have it open. */
export class GuestLine {
  readonly #socket: Socket;
  readonly #watchers = new Set<() => void>();
  #raw = "";

  constructor(host: SerialPlace, uuid: string) {
    this.#socket = createConnection(host.serialSocket(uuid));
    this.#socket.on("error", (error) => {
      this.#raw += String(error);
    });
    this.#socket.on("data", (data: Buffer) => {
      this.#raw += data.toString("latin1");
      for (const watcher of this.#watchers) watcher();
    });
  }

  get raw(): string {
    return this.#raw;
  }

  /** The machine has ended, or has left this host. */
  get isOver(): boolean {
    return this.#socket.destroyed;
  }

  type(bytes: string): void {
    this.#socket.write(bytes);
  }

  until(holds: (text: string, raw: string) => boolean, timeoutMs = 120_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = () => {
        if (holds(this.#raw, this.#raw)) end();
      };
      const timer = setTimeout(() => end(new Error(`the guest never said it: ${this.#raw.slice(-2000)}`)), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A root shell in a guest that was just started, or that runs already. Close its line at the end. */
export async function guestShell(host: SerialPlace, uuid: string): Promise<{ shell: Shell; line: GuestLine }> {
  const line = new GuestLine(host, uuid);
  // One that somebody has used before has no prompt any more.
  line.type("exec sh -i\n");
  const shell = new Shell(line);
  try {
    await shell.open(180_000);
    return { shell, line };
  } catch (error) {
    line.close();
    throw error;
  }
}
