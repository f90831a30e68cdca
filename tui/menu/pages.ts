import type { NetworkInterfaceInfo } from "node:os";
import type { Facts, Link } from "../../core/model/facts.ts";
import { type Reading, valueOf } from "../../core/model/reading.ts";
import type { Impact } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";

/* The menu's texts: plain lines, without a width. */

/** This node as its agent reads it. What is not known is a dash with the reason. */
export function nodeLines(t: Translate, facts: Facts): string[] {
  const { identity, time, management } = facts;
  const name = figure(t, identity, ({ hostname, role }) => `${hostname}   ${t(`role.${role}`)}`);
  const up = figure(t, time, ({ uptimeSeconds, load }) => {
    const loads = load.map((one) => one.toFixed(2)).join(" ");
    return `${t("time.up", { duration: duration(uptimeSeconds) })}   ${t("time.load")} ${loads}`;
  });
  const service = figure(t, management, (value) => t(`service.${value.service}`));
  return [name, up, `${t("node.service")}: ${service}`];
}

/** Every interface but loopback, with its state and all its addresses. */
export function addressLines(t: Translate, network: Facts["network"]): string[] {
  const links = valueOf(network)?.links.filter((link) => link.kind !== "loopback");
  if (links === undefined) return [`  ${figure(t, network, () => "")}`];
  if (links.length === 0) return [`  ${t("nic.none")}`];
  const width = Math.max(...links.map(({ name }) => name.length));
  return links.map((link) => {
    const addresses = link.addresses.filter(({ scope }) => scope !== "link").map((a) => `${a.address}/${a.prefix}`);
    const mark = link.management ? `   ${t("nic.mn")}` : "";
    return `  ${link.name.padEnd(width)}  ${linkState(t, link)}  ${addresses.join("  ") || "-"}${mark}`;
  });
}

/** The addresses that this process itself sees, for when the agent is away. */
export function ownAddressLines(t: Translate, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const lines = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter((a) => !a.internal && !a.address.startsWith("fe80:"))
      .map((a) => `  ${name}  ${a.cidr ?? a.address}`),
  );
  return lines.length === 0 ? [`  ${t("menu.noAddress")}`] : lines;
}

/** What a reboot or power-off would hit. */
export function impactLines(t: Translate, impact: Impact, now: number): string[] {
  const { runningVirtualMachines, haRole, storageQuorum, lastBackupAt, runningJobs, otherConsoles, uptimeSeconds } =
    impact;
  const lines = [
    runningVirtualMachines === null ? t("power.vmsUnknown") : t("power.vms", { count: runningVirtualMachines }),
    haRole === null ? "" : t("power.ha", { role: haRole }),
    storageQuorum === null ? "" : t("power.quorum", { quorum: storageQuorum }),
    lastBackupAt === null ? t("power.noBackup") : t("power.backup", { age: duration((now - lastBackupAt) / 1000) }),
    t("power.jobs", { count: runningJobs }),
    otherConsoles.length === 0 ? "" : t("power.consoles", { names: otherConsoles.join(", ") }),
    uptimeSeconds === null ? "" : t("power.uptime", { duration: duration(uptimeSeconds) }),
  ];
  return lines.filter((line) => line !== "").map((line) => `  ${line}`);
}

function linkState(t: Translate, link: Link): string {
  return t(link.carrier === true ? "nic.up" : "nic.down").padEnd(4);
}

/** A value as text, or a dash with the reason why there is none. */
function figure<T>(t: Translate, reading: Reading<T>, text: (value: T) => string): string {
  if (reading.state !== "missing") return text(reading.value);
  const { code, detail } = reading.why;
  return `- (${t(detail === "" ? `missing.${code}` : `missing.${code}.detail`, { detail })})`;
}

function duration(seconds: number): string {
  const minutes = Math.max(Math.floor(seconds / 60), 0);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  return days > 0 ? `${days} d ${hours} h` : `${hours} h ${minutes % 60} m`;
}
