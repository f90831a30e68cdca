import { chmod, chown, lstat, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Draft } from "../../../core/model/installation/draft.ts";
import { etcFiles, etcLinks } from "../configuration/etc-files.ts";
import { withPassword } from "../configuration/shadow.ts";
import { mountSystem, mountTarget, targetPlaces } from "../mounts.ts";
import { runStep, type StepContext } from "../work.ts";

const syncTimeoutMs = 600_000;

/** The folder that is laid over the system's /etc. An expert node's whole root is laid over. */
export function upperEtc(root: string, role: Draft["role"]): string {
  return role === "expert" ? join(root, "state/upper/etc") : join(root, "state/etc");
}

/** Writes what this node keeps beside the read-only system: its configuration. */
export async function configure(context: StepContext): Promise<void> {
  const { job, places, log, newUuid, machine } = context;
  const { draft, layout } = job;
  await mountTarget(context);
  const system = await mountSystem(context);
  const { root } = targetPlaces(places.work);
  const etc = upperEtc(root, draft.role);
  // The first start fills /var, /root and /home.
  const folders = draft.role === "expert" ? ["upper", "work", "upper/etc"] : ["etc", "etc.work"];
  await makeFolders(root, ["state", ...folders.map((name) => `state/${name}`)]);
  const target = (path: string) => join(etc, path.slice("/etc/".length));
  for (const { path, mode, text } of etcFiles(draft, layout, newUuid)) {
    log(`writing ${path}`);
    await writePlain(target(path), text, mode, system, path);
  }
  for (const { path, target: to } of etcLinks(draft)) {
    log(`linking ${path} to ${to}`);
    await rm(target(path), { force: true });
    await symlink(to, target(path));
  }
  await writeShadow(system, target("/etc/shadow"), draft, machine.now());
  log("writing /etc/shadow");
  await runStep(context, "sync", ["-f", root], { reason: "keep the configuration", timeoutMs: syncTimeoutMs });
}

/** They stand in the place of the system's own / and /etc: their modes are those that every program sees. */
async function makeFolders(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), 0o755);
  }
}

async function writePlain(file: string, text: string, mode: number, system: string, path: string): Promise<void> {
  await sameFolders(file, system, path);
  await rm(file, { force: true });
  await writeFile(file, text, { mode, flag: "wx" });
  await chmod(file, mode);
}

/** A folder of the upper layer hides owner and mode of the one below it: they are taken over. */
async function sameFolders(file: string, system: string, path: string): Promise<void> {
  const folder = dirname(file);
  if (await lstat(folder).catch(() => undefined)) return;
  if (dirname(path) !== "/etc") await sameFolders(folder, system, dirname(path));
  await mkdir(folder, { recursive: true });
  const below = await stat(join(system, dirname(path))).catch(() => undefined);
  await chmod(folder, below === undefined ? 0o755 : below.mode & 0o7777);
  if (below !== undefined) await chown(folder, below.uid, below.gid);
}

/** From the system's own file, whose accounts and owners stay as they are. */
async function writeShadow(system: string, file: string, draft: Draft, now: number): Promise<void> {
  const source = join(system, "etc/shadow");
  const { uid, gid } = await stat(source);
  const before = await readFile(source, "utf8");
  const text = draft.passwords.root === null ? before : withPassword(before, "root", draft.passwords.root, now);
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o640, flag: "wx" });
  await chmod(file, 0o640);
  await chown(file, uid, gid);
}
