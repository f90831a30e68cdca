import { X509Certificate } from "node:crypto";
import { readOrNothing } from "../machine.ts";
import { defineCheck, type Outcome } from "./check.ts";

const folder = "/etc/binnacle/tls";
const dayMs = 86_400_000;
/** Those that are renewed by themselves are renewed long before. */
const warnDays = 21;

/** When the certificates of this node end: its own, that of its cloud's authority, that of the manager's API. */
export const certificatesCheck = defineCheck({
  id: "certificates",
  area: "node",
  name: "CERT",
  codes: ["CERT.OK", "CERT.ENDING", "CERT.ENDED", "CERT.DAMAGED"],
  async run(context) {
    const { machine } = context;
    const names = await machine.readDir(folder).catch((): string[] => []);
    const found: Outcome<"CERT.OK" | "CERT.ENDING" | "CERT.ENDED" | "CERT.DAMAGED">[] = [];
    let soonest: number | undefined;
    for (const name of names.filter((one) => one.endsWith(".crt"))) {
      const pem = await readOrNothing(machine, `${folder}/${name}`);
      // It has gone, or was replaced, while we looked.
      if (pem === undefined) continue;
      const file = `${folder}/${name}`;
      const end = endOf(pem);
      if (end === undefined) {
        found.push({ outcome: "failed", code: "CERT.DAMAGED", subject: name, values: { file } });
        continue;
      }
      soonest = Math.min(soonest ?? end, end);
      const left = (end - context.now()) / dayMs;
      const values = { file, end: dateOf(end), days: String(Math.max(0, Math.floor(left))), limit: String(warnDays) };
      if (left <= 0) found.push({ outcome: "failed", code: "CERT.ENDED", subject: name, values, since: end });
      else if (left <= warnDays) found.push({ outcome: "warning", code: "CERT.ENDING", subject: name, values });
    }
    if (found.length > 0 || soonest === undefined) return found;
    return [{ outcome: "passed", code: "CERT.OK", values: { end: dateOf(soonest) } }];
  },
});

function endOf(pem: string): number | undefined {
  try {
    const { validToDate } = new X509Certificate(pem);
    return validToDate.getTime();
  } catch {
    return undefined;
  }
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
