import * as z from "zod";
import { readUnits, type Service } from "../facts/services.ts";
import { commandFailed, parseJson, whyOf } from "../facts/source.ts";
import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";

const loopAt = 3;
/** A unit that was restarted longer ago than this runs again. */
const loopWithinMs = 120_000;
const timeoutMs = 5000;
/** Units whose log is looked at; the others are listed without. */
const maxLogs = 8;

const activating = z.array(z.object({ unit: z.string() }));

/** Units that failed, or that systemd starts again and again. */
export const unitsCheck = defineCheck({
  id: "units",
  area: "node",
  name: "UNIT",
  codes: ["UNIT.OK", "UNIT.FAILED", "UNIT.LOOPING"],
  async run(context) {
    const services = context.fact("services");
    // What the fact tells of failed units is told, even where the question for others fails.
    const starting = await readStarting(context).catch((error: unknown) => whyOf(error));
    const more = Array.isArray(starting) ? starting : [];
    const all = [...new Map([...services, ...more].map((service) => [service.unit, service])).values()];
    const failed = all.filter(({ active }) => active === "failed");
    const looping = all.filter((service) => isLooping(service, context.now()));
    const found: Outcome<"UNIT.OK" | "UNIT.FAILED" | "UNIT.LOOPING">[] = [];
    for (const [nth, service] of [...failed, ...looping].entries()) {
      const { unit, restarts, since } = service;
      const said = nth < maxLogs ? await lastWords(context, unit) : "";
      const common = { subject: unit, since, fix: `restart-unit:${unit}` };
      const values = { unit, said, restarts: String(restarts) };
      if (service.active === "failed") found.push({ outcome: "failed", code: "UNIT.FAILED", values, ...common });
      else found.push({ outcome: "failed", code: "UNIT.LOOPING", values, ...common });
    }
    if (!Array.isArray(starting)) found.push({ outcome: "unable", why: starting });
    if (found.length === 0) found.push({ outcome: "passed", code: "UNIT.OK", values: { count: String(all.length) } });
    return found;
  },
});

function isLooping({ active, sub, restarts, since }: Service, now: number): boolean {
  if (active === "failed" || restarts < loopAt) return false;
  return sub === "auto-restart" || (since !== null && now - since < loopWithinMs);
}

/** Units between two starts: a loop that the fact's list of units need not hold. */
async function readStarting({ machine, signal }: CheckContext): Promise<Service[]> {
  const args = ["list-units", "--type=service", "--state=activating", "--output=json", "--no-pager"];
  const { code, stdout, stderr } = await machine.run("systemctl", args, { timeoutMs, signal, reason: "Diagnostics" });
  if (code !== 0) throw commandFailed("systemctl", stderr);
  const units = parseJson(activating, stdout, "systemctl").map(({ unit }) => unit);
  return units.length === 0 ? [] : readUnits(machine, units, signal);
}

/** The newest line that tells of an error, else the newest of the unit's own lines; nothing when none says a word. */
async function lastWords({ logs }: CheckContext, unit: string): Promise<string> {
  const page = await logs.read({ unit, limit: 20 }).catch(() => undefined);
  const lines = page?.lines.filter(({ message }) => saysSomething(message)) ?? [];
  // What systemd itself says ("Failed with result …") says no more than that it failed.
  const own = lines.filter(
    ({ message }) => !message.startsWith(`${unit}: `) && !/^(Failed to start|Start(ed|ing)) /.test(message),
  );
  const line = own.find(({ priority }) => priority <= 3) ?? own[0] ?? lines[0];
  return line === undefined ? "" : plainLine(line.message, 70);
}

/** Blank lines, and those of dashes alone that programs draw. */
function saysSomething(message: string): boolean {
  return /[\p{L}\p{N}]/u.test(message);
}
