import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { lockedMachines } from "./libvirt-lock.ts";

const hourMs = 3_600_000;
/** What libvirt logs when machined went away below it. Source: diagnostics.md. */
const dbusWords = ["ListActivatableNames: Connection is closed", "Activation of org.freedesktop.machine1 timed out"];

/** libvirt answers, and has not lost D-Bus. */
export const libvirtCheck = defineCheck({
  id: "libvirt",
  area: "hypervisor",
  name: "LIBVIRT",
  codes: ["LIBVIRT.OK", "LIBVIRT.DOWN", "LIBVIRT.HANGS", "LIBVIRT.DBUS", "LIBVIRT.LOCKED"],
  async run(context) {
    const reading = context.facts.virtualMachines;
    // "stale" keeps an old list: what counts is why there is no new one.
    const why = reading.state === "value" ? undefined : reading.why;
    if (why?.code === "notInstalled") return [];
    const fix = "restart-libvirt";
    if (why !== undefined && dbusWords.some((words) => why.detail.includes(words)))
      return [{ outcome: "failed", code: "LIBVIRT.DBUS", values: { said: plainLine(why.detail, 80) }, fix }];
    if (why?.code === "notRunning") return [{ outcome: "failed", code: "LIBVIRT.DOWN", fix }];
    if (why?.code === "timeout") return [{ outcome: "failed", code: "LIBVIRT.HANGS", fix }];
    if (why !== undefined) return [{ outcome: "unable", why }];
    const complaint = await newestComplaint(context);
    if (complaint !== undefined) {
      const values = { said: plainLine(complaint.message, 80) };
      return [{ outcome: "warning", code: "LIBVIRT.DBUS", values, since: complaint.at, fix }];
    }
    const { total, list } = context.fact("virtualMachines");
    const locked = await lockedMachines(context, list ?? []);
    if (locked.length > 0)
      return locked.map(({ uuid, since, ...values }) => ({
        outcome: "failed",
        code: "LIBVIRT.LOCKED",
        subject: uuid,
        values,
        since,
        fix,
      }));
    return [{ outcome: "passed", code: "LIBVIRT.OK", values: { count: String(total) } }];
  },
});

/** The newest complaint of the last hour since libvirt was started. */
async function newestComplaint(context: CheckContext) {
  const { logs, facts } = context;
  const services = facts.services.state === "missing" ? [] : facts.services.value;
  const daemon = services.find(
    ({ unit, active }) => /^(libvirtd|virtqemud)\.service$/.test(unit) && active === "active",
  );
  if (daemon === undefined) return undefined;
  const since = Math.max(context.now() - hourMs, daemon.since ?? 0);
  for (const match of dbusWords) {
    const page = await logs.read({ unit: daemon.unit, match, since, limit: 1 }).catch(() => undefined);
    if (page?.lines[0] !== undefined) return page.lines[0];
  }
  return undefined;
}

const maxAsked = 20;

/** Virtual machines that stopped by themselves: paused by an error of their disk, or crashed. */
export const guestsCheck = defineCheck({
  id: "guests",
  area: "hypervisor",
  name: "GUEST",
  codes: ["GUEST.OK", "GUEST.IO_ERROR", "GUEST.CRASHED"],
  async run(context) {
    const reading = context.facts.virtualMachines;
    if (reading.state === "missing" && reading.why.code === "notInstalled") return [];
    const { total, list } = context.fact("virtualMachines");
    const machines = list ?? [];
    if (total === 0) return [];
    const found: Outcome<"GUEST.OK" | "GUEST.IO_ERROR" | "GUEST.CRASHED">[] = [];
    for (const { uuid, name } of machines.filter(({ state }) => state === "paused").slice(0, maxAsked)) {
      const reason = await reasonOf(context, uuid);
      // Paused by a person is not a fault.
      if (!/I\/O error|no space|failed/i.test(reason)) continue;
      found.push({
        outcome: "failed",
        code: "GUEST.IO_ERROR",
        subject: uuid,
        values: { name: plainLine(name, 30), reason },
      });
    }
    for (const { uuid, name } of machines.filter(({ state }) => state === "crashed"))
      found.push({ outcome: "failed", code: "GUEST.CRASHED", subject: uuid, values: { name: plainLine(name, 30) } });
    if (found.length === 0) found.push({ outcome: "passed", code: "GUEST.OK", values: { count: String(total) } });
    return found;
  },
});

/** `paused (I/O error)` as `I/O error`. Source: virsh(1), domstate --reason. */
async function reasonOf({ machine, signal }: CheckContext, uuid: string): Promise<string> {
  const args = ["-c", "qemu:///system", "-r", "domstate", "--reason", uuid];
  const { stdout } = await machine.run("virsh", args, { timeoutMs: 5000, signal, reason: "Diagnostics" });
  return plainLine(/\((.*)\)/.exec(stdout)?.[1] ?? "-", 40);
}
