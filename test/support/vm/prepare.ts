import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { diskId, type Prepared } from "./command.ts";
import type { VmDisk, VmOptions } from "./options.ts";
import { untilThere } from "./sockets.ts";

/** Makes what a machine needs beside its options; what the folder already has is kept, so that it can start again. */
export async function prepareVm(options: VmOptions): Promise<Prepared & { readonly servers: ChildProcess[] }> {
  const { folder, firmware = "bios", usbStick, disks = [] } = options;
  const servers: ChildProcess[] = [];
  const diskServers = new Map<string, string>();
  for (const [index, disk] of disks.entries()) {
    if (disk.writeCache === undefined && disk.mayFail !== true) continue;
    const id = diskId(disk, index);
    const socket = path.join(folder, `${id}.sock`);
    servers.push(await startDiskServer(disk, socket, failFile(folder, id)));
    diskServers.set(id, socket);
  }
  return {
    servers,
    diskServers,
    ...(firmware === "bios" ? {} : { firmware: uefiFiles(folder, firmware === "uefi-secure") }),
    ...(usbStick === undefined ? {} : { usbStick: stickOf(folder, usbStick) }),
  };
}

/** While this file exists, the disk answers everything with an I/O error. */
export const failFile = (folder: string, id: string) => path.join(folder, `${id}.fails`);

/** A disk that starts with what another file holds and keeps its own changes. */
export function makeOverlay(file: string, base: string, format: "raw" | "qcow2", sizeBytes?: number): void {
  const size = sizeBytes === undefined ? [] : [String(sizeBytes)];
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", path.resolve(base), "-F", format, file, ...size]);
}

/**
 * The variables are a file of their own, in a format that can keep snapshots. Source: Debian, ovmf, README.Debian: the
 * code with SMM and the variables with Microsoft's keys belong together.
 */
function uefiFiles(folder: string, secure: boolean): { code: string; variables: string } {
  const from = (name: string) => path.join("/usr/share/OVMF", name);
  const variables = path.join(folder, "uefi-variables.qcow2");
  if (!fs.existsSync(variables)) {
    const template = from(secure ? "OVMF_VARS_4M.ms.fd" : "OVMF_VARS_4M.fd");
    execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", template, variables]);
  }
  return { code: from(secure ? "OVMF_CODE_4M.ms.fd" : "OVMF_CODE_4M.fd"), variables };
}

/** A stick is larger than the image on it, so that the image's backup partition table is not at its end. */
function stickOf(folder: string, image: string): string {
  const file = path.join(folder, "stick.qcow2");
  const gibibyte = 2 ** 30;
  const sizeBytes = Math.max(4, Math.ceil(fs.statSync(image).size / gibibyte) + 1) * gibibyte;
  if (!fs.existsSync(file)) makeOverlay(file, image, "raw", sizeBytes);
  return file;
}

/** A disk behind a network block server, which can hold back writes until a flush, and can fail. */
async function startDiskServer(disk: VmDisk, socket: string, failing: string): Promise<ChildProcess> {
  if (disk.format !== undefined && disk.format !== "raw")
    throw new Error(`${disk.file}: a disk that can fail or lose writes is a raw file.`);
  fs.rmSync(socket, { force: true });
  fs.rmSync(failing, { force: true });
  const server = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "nbdkit", "--foreground", "--unix", socket],
      ...(disk.readOnly === true ? ["--readonly"] : []),
      ...["--filter=error", ...(disk.writeCache === undefined ? [] : ["--filter=cache"])],
      ...["file", path.resolve(disk.file), "error=EIO", "error-rate=100%", `error-file=${failing}`],
      ...(disk.writeCache === undefined ? [] : ["cache=writeback"]),
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, TMPDIR: path.dirname(socket) } },
  );
  await untilThere("nbdkit", server, [socket]);
  return server;
}
