import { quoted, shown } from "../quote.ts";
import type { CutOff, NetworkChange } from "./transaction.ts";

/* Changes and what they cut off, in English lines of ASCII, for commands, logs and the most basic terminal. */

const labels: Readonly<Record<NetworkChange["what"], string>> = {
  link: "",
  name: "name",
  address: "address",
  address6: "address",
  method: "IPv4",
  method6: "IPv6",
  gateway: "gateway",
  gateway6: "IPv6 gateway",
  route: "route",
  nameServers: "name servers",
  mtu: "MTU",
  mode: "mode",
  option: "option",
  leg: "leg",
  port: "port",
  parent: "on",
  stp: "spanning tree",
  hostname: "host name",
  timeServers: "time servers",
  managementLink: "management interface",
};

/** What is so where a change has null: for values that are always something. */
const withoutOne: Partial<Record<NetworkChange["what"], string>> = {
  method: "off",
  method6: "off",
  mtu: "default",
  timeServers: "those of the system",
  managementLink: "that of the default route",
};

/** One change as `eno1: address 10.0.0.5/24 -> 10.0.0.9/24`, `bond0: leg p5p1 added`. */
export function changeWords({ link, what, key, before, after }: NetworkChange): string {
  const subject = link === "" ? "" : `${shown(link)}: `;
  if (what === "link") return `${subject}${linkWords(before, after)}`;
  const label = [labels[what], ...keyWords(what, key)].join(" ");
  const none = withoutOne[what] ?? null;
  const [from, to] = [value(before) ?? none, value(after) ?? none];
  if (from === null || to === null)
    return `${subject}${label} ${from ?? to ?? ""} ${from === null ? "added" : "removed"}`;
  return `${subject}${label} ${from} -> ${to}`;
}

function keyWords(what: NetworkChange["what"], key: string): string[] {
  if (what === "option") return [shown(key)];
  return key === "order" && (what === "address" || what === "address6") ? ["order"] : [];
}

/** Lists and routes have spaces in them; what is not plain ASCII is quoted. */
function value(text: string | null): string | null {
  if (text === null) return null;
  return /^[\w.:@/+, -]{1,120}$/.test(text) ? text : quoted(text);
}

const kindWords: Readonly<Record<string, string>> = { vlan: "VLAN", ethernet: "settings" };

function linkWords(before: string | null, after: string | null): string {
  const word = (kind: string) => kindWords[kind] ?? kind;
  if (before === null) return `${word(after ?? "")} added`;
  return after === null ? `${word(before)} removed` : `${before} -> ${after}`;
}

/** One thing that a change interrupts, as `the SSH session of pts/0`. */
export function cutOffWords({ what, detail }: CutOff): string {
  const many = detail === "1" ? "" : "s";
  switch (what) {
    case "managementAddress":
      return `the management address ${shown(detail)}`;
    case "managementLink":
      return `the management network on ${shown(detail)}`;
    case "session":
      return `the session of ${shown(detail)}`;
    case "migration":
      return `${shown(detail)} running migration${many}`;
    case "storage":
      return `the storage mounted at ${shown(detail)}`;
    case "virtualMachines":
      return `the network of ${shown(detail)} virtual machine${many}`;
  }
}
