import * as z from "zod";
import type { FactValue } from "../../model/facts.ts";
import type { Machine } from "../machine.ts";
import { commandFailed, FactMissing, parseJson, type Source } from "./source.ts";

export type Service = FactValue<"services">[number];

/** Units that a node lives from. Those that do not exist on this machine are not shown. */
const watchedUnits = [
  "binnacle-*.service",
  "libvirtd.service",
  "virtqemud.service",
  "chrony.service",
  "systemd-timesyncd.service",
  "lldpd.service",
  "NetworkManager.service",
  "systemd-networkd.service",
  "ssh.service",
  "smartmontools.service",
  "o2cb.service",
  "ocfs2.service",
  "nfs-server.service",
  "iscsid.service",
  "multipathd.service",
  "cron.service",
  "systemd-journald.service",
];

const properties = "Id,Description,LoadState,ActiveState,SubState,MainPID,StateChangeTimestamp,NRestarts";
const timeoutMs = 5000;

const failedUnits = z.array(z.object({ unit: z.string() }));
const activeState = z.enum(["active", "reloading", "inactive", "failed", "activating", "deactivating"]);

/** The services that a node lives from, and every unit that failed. */
export function servicesSource(): Source<"services"> {
  return {
    name: "services",
    everyMs: 20_000,
    idleEveryMs: 60_000,
    budgetMs: 12_000,
    async read(machine, signal) {
      const failed = await readFailed(machine, signal);
      const units = [...watchedUnits, ...failed.filter((unit) => !watchedUnits.includes(unit))];
      return readUnits(machine, units, signal);
    },
  };
}

/** State of the units that exist, by systemctl. Throws `notRunning` where systemd is not the init system. */
export async function readUnits(machine: Machine, units: string[], signal: AbortSignal): Promise<Service[]> {
  const args = ["show", `--property=${properties}`, "--timestamp=unix", "--", ...units];
  const { code, stdout, stderr } = await machine.run("systemctl", args, { timeoutMs, signal });
  if (code !== 0) throw commandFailed("systemctl", stderr);
  return parseUnits(stdout);
}

/** Blocks of `Name=value` with an empty line between them, as systemctl(1) `show` prints them with unix timestamps. */
export function parseUnits(text: string): Service[] {
  const services: Service[] = [];
  for (const block of text.split(/\n\n+/)) {
    const of = new Map(
      block.split("\n").map((line): [string, string] => {
        const cut = line.indexOf("=");
        return [line.slice(0, cut), line.slice(cut + 1)];
      }),
    );
    const unit = of.get("Id");
    if (unit === undefined || of.get("LoadState") === "not-found") continue;
    const active = activeState.safeParse(of.get("ActiveState"));
    // States that newer versions have (`maintenance`, `refreshing`) stand for work in progress.
    services.push({
      unit,
      description: of.get("Description") ?? "",
      active: active.success ? active.data : "activating",
      sub: of.get("SubState") ?? "",
      pid: positive(of.get("MainPID")),
      since: sinceOf(of.get("StateChangeTimestamp")),
      restarts: positive(of.get("NRestarts")) ?? 0,
    });
  }
  if (services.length === 0 && !/^Id=/m.test(text) && text.trim() !== "")
    throw new FactMissing("nonsense", "systemctl");
  return services.sort((a, b) => a.unit.localeCompare(b.unit, "en"));
}

async function readFailed(machine: Machine, signal: AbortSignal): Promise<string[]> {
  const args = ["list-units", "--failed", "--output=json", "--no-pager"];
  const { code, stdout, stderr } = await machine.run("systemctl", args, { timeoutMs, signal });
  if (code !== 0) throw commandFailed("systemctl", stderr);
  return parseJson(failedUnits, stdout, "systemctl").map(({ unit }) => unit);
}

/** `@1700000000` as milliseconds. */
function sinceOf(text: string | undefined): number | null {
  const seconds = /^@(\d+)/.exec(text ?? "")?.[1];
  return seconds === undefined || seconds === "0" ? null : Number(seconds) * 1000;
}

function positive(text: string | undefined): number | null {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : null;
}
