import { NodeError } from "../../model/error.ts";
import { commandFailed } from "../facts/source.ts";
import { type Machine, readIfThere } from "../machine.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { list } from "./format.ts";

/** For each of the two questions; the check has eight seconds. */
const timeoutMs = 3000;

type Code = "NFS.OK" | "NFS.SILENT" | "NFS.STALE" | "NFS.READ_ONLY" | "NFS.DENIED" | "NFS.NOT_MOUNTED";

/**
 * NFS file systems: each answers, is not stale and may be written to. Only commands touch them, for a process that
 * waits for a dead server can't be ended; `Machine.run` starts no second one while such a one is left. Nothing is
 * written: whether root may is asked with access(2), which an NFS client passes on to the server.
 */
export const nfsCheck = defineCheck({
  id: "nfs",
  area: "storage",
  name: "NFS",
  codes: ["NFS.OK", "NFS.SILENT", "NFS.STALE", "NFS.READ_ONLY", "NFS.DENIED", "NFS.NOT_MOUNTED"],
  async run(context) {
    const { machine } = context;
    const all = parseMountinfo((await readIfThere(machine, "/proc/self/mountinfo")) ?? "");
    const nfs = all.filter(({ type }) => /^nfs4?$/.test(type));
    // One file system may be mounted at several places; its server is asked once.
    const mounts = [...new Map(nfs.toReversed().map((mount) => [mount.device, mount])).values()].reverse();
    const found = (await Promise.all(mounts.map((mount) => judgeOnce(context, mount)))).flat();
    const wanted = parseFstab((await readIfThere(machine, "/etc/fstab")) ?? "");
    for (const { mount, source } of wanted.filter(({ mount }) => !all.some((one) => one.mount === mount)))
      found.push({ outcome: "failed", code: "NFS.NOT_MOUNTED", subject: mount, values: { mount, source } });
    if (found.length === 0 && mounts.length > 0)
      found.push({ outcome: "passed", code: "NFS.OK", values: { mounts: list(mounts.map(({ mount }) => mount)) } });
    return found;
  },
});

/** What is being asked at this moment: diagnoses of two consoles must not leave two processes at a dead server. */
const asking = new WeakMap<Machine, Map<string, Promise<Outcome<Code>[]>>>();

function judgeOnce(context: CheckContext, mounted: Mount): Promise<Outcome<Code>[]> {
  const here = asking.get(context.machine) ?? new Map<string, Promise<Outcome<Code>[]>>();
  asking.set(context.machine, here);
  const underWay = here.get(mounted.mount);
  if (underWay !== undefined) return underWay;
  const answer = judge(context, mounted).finally(() => here.delete(mounted.mount));
  here.set(mounted.mount, answer);
  return answer;
}

async function judge({ machine, signal }: CheckContext, mounted: Mount): Promise<Outcome<Code>[]> {
  const { mount, source } = mounted;
  const limits = { timeoutMs, signal, reason: "Diagnostics" };
  const fault = (code: Code, outcome: "failed" | "warning" = "failed"): Outcome<Code>[] => [
    { outcome, code, subject: mount, values: { mount, source, limit: `${timeoutMs / 1000} s` } },
  ];
  try {
    const { code, stderr } = await machine.run("stat", ["--file-system", "--format=%T", "--", mount], limits);
    if (/stale file handle/i.test(stderr)) return fault("NFS.STALE");
    if (code !== 0) return [{ outcome: "unable", subject: mount, why: commandFailed("stat", stderr).why }];
    // Mounted to be read only: somebody wanted it so.
    if (!mounted.writable) return [];
    if (!mounted.wholeWritable) return fault("NFS.READ_ONLY");
    const { code: denied } = await machine.run("test", ["-w", mount], limits);
    // A folder that belongs to another user who does the writing is no fault, so this is only a warning.
    return denied === 0 ? [] : fault("NFS.DENIED", "warning");
  } catch (error) {
    if (error instanceof NodeError && error.code === "RUN.TIMEOUT") return fault("NFS.SILENT");
    throw error;
  }
}

type Mount = {
  mount: string;
  source: string;
  type: string;
  /** `major:minor` of the file system. */
  device: string;
  /** This mount allows writing. */
  writable: boolean;
  /** The file system behind it does. */
  wholeWritable: boolean;
};

/** Source: proc_pid_mountinfo(5): `36 35 0:52 / /mnt rw,noatime shared:1 - nfs4 server:/export rw,hard`. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [own = "", behind = ""] = line.split(" - ");
    const [, , device, , mount, options] = own.split(" ");
    const [type, source, wholeOptions] = behind.split(" ");
    if (device === undefined || mount === undefined || options === undefined) return [];
    if (type === undefined || source === undefined || wholeOptions === undefined) return [];
    const isWritable = (words: string) => words.split(",").includes("rw");
    return [
      {
        mount: plainPath(mount),
        source: plainPath(source),
        type,
        device,
        writable: isWritable(options),
        wholeWritable: isWritable(wholeOptions),
      },
    ];
  });
}

/** NFS file systems that are mounted at each start. Source: fstab(5). */
export function parseFstab(text: string): { mount: string; source: string }[] {
  return text.split("\n").flatMap((line) => {
    if (/^\s*#/.test(line)) return [];
    const [source, mount, type, options = ""] = line.trim().split(/\s+/);
    if (source === undefined || mount === undefined || type === undefined) return [];
    if (!/^nfs4?$/.test(type) || /(^|,)(noauto|x-systemd\.automount)(,|$)/.test(options)) return [];
    // The kernel knows a mount point without the slash that people write behind it.
    return [{ mount: plainPath(mount).replace(/(?<=.)\/+$/, ""), source: plainPath(source) }];
  });
}

/** Blanks and the like are written as octal numbers: `\040`. */
function plainPath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
