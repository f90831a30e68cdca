import { NodeError } from "../../model/error.ts";
import type { VirtualMachine } from "../../model/facts.ts";
import type { LogLine } from "../../model/records.ts";
import { FactMissing } from "../facts/source.ts";
import { plainLine } from "../plain-text.ts";
import type { CheckContext } from "./check.ts";

const timeoutMs = 3000;
/** An older complaint may tell of another call. libvirt complains each time that a call has waited for 30 s. */
const complaintMs = 300_000;
/** Each call that hangs holds one of libvirtd's 20 workers for 30 s. */
const maxAsked = 6;

/** A virtual machine on which calls hang. `holder`: the call that has its lock, empty when that is not known. */
type Locked = { uuid: string; name: string; holder: string; since: number | null };

/**
 * Virtual machines whose lock somebody holds although libvirt answers otherwise ("cannot acquire state change lock"):
 * a question that needs the lock gets no answer. All are asked at once first, which costs nothing when all is well.
 *
 * @throws FactMissing when some machine hangs and it could not be found which.
 */
export async function lockedMachines(context: CheckContext, all: readonly VirtualMachine[]): Promise<Locked[]> {
  const active = all.filter(({ state }) => state !== "stopped" && state !== "crashed");
  if (active.length === 0 || !(await hangs(context, []))) return [];
  const complaints = await readComplaints(context);
  // Those that libvirt complains of first.
  const [named, others] = [true, false].map((is) => active.filter(({ name }) => complaints.has(name) === is));
  const asked = [...(named ?? []), ...(others ?? [])].slice(0, maxAsked);
  const hanging = await Promise.all(asked.map(({ uuid }) => hangs(context, [uuid])));
  const locked = asked.filter((_, i) => hanging[i]);
  if (locked.length === 0) throw new FactMissing("timeout", "virsh domstats");
  return locked.map(({ uuid, name }) => {
    const job = complaints.get(name);
    const shown = plainLine(name, 30);
    if (job === undefined) return { uuid, name: shown, holder: "", since: null };
    return { uuid, name: shown, holder: `${job.call} (thread ${job.thread})`, since: job.since };
  });
}

/** Whether a question about memory, which needs the lock, gets no answer. */
async function hangs({ machine, signal }: CheckContext, uuids: readonly string[]): Promise<boolean> {
  const args = ["-c", "qemu:///system", "-r", "domstats", "--raw", "--balloon", ...uuids];
  try {
    await machine.run("virsh", args, { timeoutMs, signal, reason: "Diagnostics" });
    return false;
  } catch (error) {
    // The list of machines was had: what else may be wrong with virsh is not this fault.
    return error instanceof NodeError && error.code === "RUN.TIMEOUT";
  }
}

type Job = { call: string; thread: string; since: number };

/** By the virtual machine's name, the job of which libvirtd complained last. */
async function readComplaints(context: CheckContext): Promise<Map<string, Job>> {
  const { logs, facts } = context;
  const services = facts.services.state === "missing" ? [] : facts.services.value;
  const daemon = services.find(({ unit }) => /^(libvirtd|virtqemud)\.service$/.test(unit));
  if (daemon === undefined) return new Map();
  const since = context.now() - complaintMs;
  const query = { unit: daemon.unit, match: "Cannot start job", since, limit: 100 };
  const lines = (await logs.read(query).catch(() => undefined))?.lines ?? [];
  // Newest first, and of two with one key a Map keeps the later.
  return new Map(lines.toReversed().flatMap(parseComplaint));
}

/**
 * A complaint of libvirt: `Cannot start job (…) in API … for domain NAME; current job is (…) owned by (4711 CALL, 0
 * <null>, 0 <null> (flags=0x0)) for (512s, 0s, 0s)`: a job, one of the guest agent and one in the background, each of
 * which may be the holder. None when the line is something else. Source: src/conf/virdomainjob.c.
 */
export function parseComplaint({ message, at }: Pick<LogLine, "message" | "at">): [name: string, job: Job][] {
  const pattern = /for domain (.*); current job is \(.*\) owned by \((.*) \(flags=\w+\)\) for \((.*)\)/;
  const [, name, owners, times] = pattern.exec(message) ?? [];
  if (name === undefined || owners === undefined || times === undefined) return [];
  const nth = owners.split(", ").findIndex((owner) => !owner.startsWith("0 "));
  const [, thread, call] = /^(\d+) (\w+)$/.exec(owners.split(", ")[nth] ?? "") ?? [];
  const heldSeconds = Number(/^(\d+)s$/.exec(times.split(", ")[nth] ?? "")?.[1]);
  if (thread === undefined || call === undefined || !Number.isFinite(heldSeconds)) return [];
  return [[name, { call, thread, since: at - heldSeconds * 1000 }]];
}
