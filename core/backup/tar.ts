import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { commandPath } from "../node/command.ts";

/*
 * The system's tar, which gets and gives its data by descriptors: names of archives are never arguments, and what an
 * archive calls its members never becomes a path.
 */

const environment = { PATH: commandPath, LC_ALL: "C.UTF-8" };
/** Of what tar complains about. */
const longestComplaint = 2_000;

type End = { code: number | null; complaint: string };

/** Packs members, which lie in `folder`, into an archive at `to`, which must not exist; it is synced. */
export async function packMembers(
  to: string,
  folder: string,
  members: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const target = await open(to, "wx", 0o600);
  try {
    const args = [
      ...["--create", "--gzip", "--format=posix", "--owner=0", "--group=0", "--numeric-owner", "--file=-"],
      ...[`--directory=${folder}`, "--", ...members],
    ];
    const child = spawn("tar", args, {
      cwd: "/",
      env: environment,
      stdio: ["ignore", target.fd, "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    const { code, complaint } = await endOf(child);
    if (code !== 0) throw new Error(complaint === "" ? `tar ended with ${String(code)}` : complaint);
    await target.sync();
  } finally {
    await target.close();
  }
}

/** Whether a file is whole in the eyes of gzip, which keeps a checksum over all of it. */
export async function isWholeGzip(file: string): Promise<boolean> {
  const source = await open(file, "r");
  try {
    const child = spawn("gzip", ["--test"], { cwd: "/", env: environment, stdio: [source.fd, "ignore", "pipe"] });
    return (await endOf(child)).code === 0;
  } finally {
    await source.close();
  }
}

export type Member = { sizeBytes: number; sha256: string };

/**
 * Takes one member out of an archive into `into`, which must not exist; it is synced. undefined: the archive has no such
 * member, or is none. @throws Error "more than …" when it is larger than `mostBytes`; the system's error of the target
 */
export async function takeMember(
  archive: string,
  member: string,
  into: string,
  mostBytes: number,
  signal?: AbortSignal,
): Promise<Member | undefined> {
  const target = await open(into, "wx", 0o600);
  try {
    const source = createReadStream(archive);
    const args = ["--extract", "--gzip", "--to-stdout", "--occurrence=1", "--file=-", "--", member];
    const child = spawn("tar", args, { cwd: "/", env: environment, stdio: ["pipe", "pipe", "pipe"] });
    const [hash, ending] = [createHash("sha256"), endOf(child)];
    let sizeBytes = 0;
    const keep = new Writable({
      write(chunk: Buffer, _encoding, done) {
        sizeBytes += chunk.length;
        if (sizeBytes > mostBytes) return done(new Error(`more than ${mostBytes} bytes`));
        hash.update(chunk);
        target.writeFile(chunk).then(() => done(), done);
      },
    });
    // tar reads no further than it needs: that its end of the pipe closes is no fault.
    const feeding = pipeline(source, child.stdin).catch(() => undefined);
    try {
      await pipeline(child.stdout, keep, signal === undefined ? {} : { signal });
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      source.destroy();
      await feeding;
    }
    const { code } = await ending;
    if (code !== 0) return undefined;
    await target.sync();
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    await target.close();
  }
}

function endOf(child: ReturnType<typeof spawn>): Promise<End> {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (complaint.length < longestComplaint) complaint += text;
  });
  child.once("error", reject);
  child.once("close", (code) => resolve({ code, complaint: complaint.trim().split("\n")[0] ?? "" }));
  promise.catch(() => undefined);
  return promise;
}
