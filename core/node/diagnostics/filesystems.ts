import type { Filesystem } from "../../model/facts.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { percent, size } from "./format.ts";

const warnAt = 0.8;
const failAt = 0.95;
const journal = "/var/log/journal";
/** What may be deleted first, each without harm to the node. */
const disposable = [
  journal,
  "/var/log",
  "/var/cache/apt/archives",
  "/var/lib/binnacle/backups",
  "/var/lib/binnacle/image-cache",
  "/var/lib/systemd/coredump",
  "/var/crash",
];
/** Less than this is not worth a technician's time. */
const worthBytes = 50 * 1024 * 1024;
/** The journal is cut to 200 MiB by the fix: it must gain something. */
const journalWorthBytes = 300 * 1024 * 1024;

/** Room on the file systems that the node lives on, and what could be deleted. */
export const filesystemsCheck = defineCheck({
  id: "filesystems",
  area: "node",
  name: "FS",
  codes: ["FS.OK", "FS.FILLING", "FS.FULL", "FS.FULL_ELSEWHERE", "FS.READ_ONLY"],
  async run(context) {
    const all = context.fact("filesystems");
    // Install, data and logs may lie on one.
    const mounts = [...new Map(all.map((one) => [one.mount, one])).values()].filter((one) => one.sizeBytes > 0);
    const found: Outcome<"FS.OK" | "FS.FILLING" | "FS.FULL" | "FS.FULL_ELSEWHERE" | "FS.READ_ONLY">[] = [];
    for (const mount of mounts) {
      const values = { mount: mount.mount, device: mount.device };
      // The installed image itself is read-only by design.
      const writable = all.some(({ mount: at, purpose }) => at === mount.mount && purpose !== "install");
      if (mount.readOnly && writable)
        found.push({ outcome: "failed", code: "FS.READ_ONLY", subject: mount.mount, values });
      const used = usedShare(mount);
      if (mount.readOnly || used < warnAt) continue;
      const full = used >= failAt;
      const candidates = await largest(context, mount, mounts);
      const measured = {
        ...values,
        used: percent(used),
        limit: percent(full ? failAt : warnAt),
        free: size(mount.freeBytes),
        size: size(mount.sizeBytes),
        delete: candidates.map(({ path, bytes }) => `${path} ${size(bytes)}`).join(", "),
      };
      const vacuum = candidates.some(({ path, bytes }) => path === journal && bytes > journalWorthBytes);
      found.push({
        outcome: full ? "failed" : "warning",
        code: candidates.length === 0 ? "FS.FULL_ELSEWHERE" : full ? "FS.FULL" : "FS.FILLING",
        subject: mount.mount,
        values: measured,
        ...(vacuum ? { fix: "vacuum-journal" } : {}),
      });
    }
    const fullest = mounts.toSorted((a, b) => usedShare(b) - usedShare(a))[0];
    if (found.length === 0 && fullest !== undefined) {
      const values = { mount: fullest.mount, used: percent(usedShare(fullest)), limit: percent(warnAt) };
      found.push({ outcome: "passed", code: "FS.OK", values });
    }
    return found;
  },
});

function usedShare({ sizeBytes, freeBytes }: Filesystem): number {
  return 1 - freeBytes / sizeBytes;
}

type Candidate = { path: string; bytes: number };

/** The two largest folders on the mount that hold things to delete. */
async function largest(context: CheckContext, mount: Filesystem, mounts: Filesystem[]): Promise<Candidate[]> {
  const here = disposable.filter((path) => mountOf(path, mounts) === mount.mount);
  if (here.length === 0) return [];
  // du counts nothing twice: /var/log behind /var/log/journal is the rest of it.
  const args = ["--summarize", "--block-size=1", "--one-file-system", "--", ...here];
  const limits = { timeoutMs: 6000, signal: context.signal, reason: "Diagnostics" };
  // A folder that is absent costs an exit code of 1, and nothing else.
  const { stdout } = await context.machine.run("du", args, limits).catch(() => ({ stdout: "" }));
  return parseDu(stdout)
    .filter(({ bytes }) => bytes >= worthBytes)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 2);
}

/** Source: du(1): size, a tab, the name as it was given. */
export function parseDu(text: string): Candidate[] {
  return [...text.matchAll(/^(\d+)\t(.*)$/gm)].map(([, bytes, path = ""]) => ({ path, bytes: Number(bytes) }));
}

/** The mount that a path lies on: the longest of those known that it begins with. */
function mountOf(path: string, mounts: readonly Filesystem[]): string | undefined {
  const above = mounts
    .map(({ mount }) => mount)
    .filter((mount) => `${path}/`.startsWith(mount === "/" ? "/" : `${mount}/`));
  return above.sort((a, b) => b.length - a.length)[0];
}
