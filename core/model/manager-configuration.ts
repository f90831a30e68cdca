import { parseAddress } from "./address.ts";
import { NodeError } from "./error.ts";
import { quoted } from "./quote.ts";

/*
 * The manager's own settings: what it needs before it has a store. Lines of KEY=VALUE in /etc/binnacle/manager.conf; the
 * cloud's settings are in the store. Source: ../shared/spec/management.md, "zstack-ctl" and "Ports".
 */

type Key = { default: string; description: string; problem: (value: string) => string | undefined };

const port = (value: string) =>
  /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535 ? undefined : "a port from 1 to 65535";
const path = (value: string) =>
  /^\/[^\0\n]{0,1000}$/.test(value) && !value.split("/").includes("..") ? undefined : "a full path without ..";
const orNothing = (check: Key["problem"]) => (value: string) => (value === "" ? undefined : check(value));

export const managerKeys = {
  "management.ip": {
    default: "",
    description: "Address at which others reach this manager; empty: the one of the default route.",
    problem: orNothing((value) => (parseAddress(value) === undefined ? "an address such as 10.0.0.5" : undefined)),
  },
  "api.address": {
    default: "::",
    description: "Address that the API listens on; :: is all.",
    problem: (value) => (parseAddress(value) === undefined ? "an address; :: for all" : undefined),
  },
  "api.port": { default: "8080", description: "Port of the API.", problem: port },
  "metrics.address": {
    default: "::",
    description: "Address that metrics are served on; :: is all.",
    problem: (value) => (parseAddress(value) === undefined ? "an address; :: for all" : undefined),
  },
  "metrics.port": { default: "9100", description: "Port of the metrics.", problem: port },
  "tls.folder": {
    default: "/etc/binnacle/tls",
    description: "Where ca.crt, ca.key, node.crt and node.key are.",
    problem: path,
  },
  "backup.folder": {
    default: "/var/lib/binnacle/backups",
    description: "Where backups are kept; the console knows those of the preset folder only.",
    problem: path,
  },
  "store.type": {
    default: "sqlite",
    description: "sqlite for one manager, etcd for several.",
    problem: (value) => (value === "sqlite" || value === "etcd" ? undefined : "sqlite or etcd"),
  },
  "store.file": {
    default: "/var/lib/binnacle/manager/store.db",
    description: "The file of the store, with sqlite.",
    problem: path,
  },
  "store.etcd.endpoints": {
    default: "",
    description: "Addresses of etcd's members, with commas between them.",
    problem: orNothing((value) =>
      value.split(",").every((each) => /^https?:\/\/[^\s,/@]+$/.test(each))
        ? undefined
        : "addresses such as https://10.0.0.1:2379, with commas between them and no password in them",
    ),
  },
  "store.etcd.user": {
    default: "",
    description: "The user that the manager is to etcd; empty: none.",
    problem: orNothing((value) => (/^[\w.-]{1,64}$/.test(value) ? undefined : "a name of letters, digits, . and -")),
  },
  "store.etcd.passwordFile": {
    default: "",
    description: "File with that user's password.",
    problem: orNothing(path),
  },
  "store.etcd.ca": { default: "", description: "File with the authority of etcd's members.", problem: orNothing(path) },
  "store.etcd.certificate": {
    default: "",
    description: "File with our certificate to etcd.",
    problem: orNothing(path),
  },
  "store.etcd.key": { default: "", description: "File with the key of that certificate.", problem: orNothing(path) },
} as const satisfies Record<string, Key>;

export type ManagerKey = keyof typeof managerKeys;
export type ManagerConfiguration = Readonly<Record<ManagerKey, string>>;
export const managerKeyNames = Object.keys(managerKeys) as ManagerKey[];

function wrong(where: string, what: string, remedy: string): NodeError {
  return new NodeError("MANAGER.CONFIGURATION", `${where}: ${what}`, { remedy, values: { where } });
}

/** @throws MANAGER.CONFIGURATION with the key and what it takes */
export function checkManagerSetting(key: string, value: string, where = key): ManagerKey {
  const known = managerKeyNames.find((each) => each === key);
  if (known === undefined) {
    const remedy = `Known are ${managerKeyNames.join(", ")}.`;
    throw wrong(where, `${quoted(key)} is no setting of the manager.`, remedy);
  }
  const expected = managerKeys[known].problem(value);
  if (expected !== undefined) throw wrong(where, `${quoted(value)} can't be ${known}.`, `Give ${expected}.`);
  return known;
}

/**
 * What a configuration file says, with the presets for what it leaves out. Lines that begin with # are remarks.
 * @throws MANAGER.CONFIGURATION with the line
 */
export function parseManagerConfiguration(text: string): ManagerConfiguration {
  const values: Record<ManagerKey, string> = Object.fromEntries(
    managerKeyNames.map((key) => [key, managerKeys[key].default]),
  ) as Record<ManagerKey, string>;
  const seen = new Set<string>();
  for (const [index, whole] of text.split("\n").entries()) {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) continue;
    const where = `line ${index + 1}`;
    const cut = line.indexOf("=");
    if (cut < 0) throw wrong(where, `${quoted(line)} is not KEY=VALUE.`, "Write one such as api.port=8080.");
    const key = checkManagerSetting(line.slice(0, cut).trim(), line.slice(cut + 1).trim(), where);
    if (seen.has(key)) throw wrong(where, `${key} is there twice.`, "Leave one of the two lines out.");
    seen.add(key);
    values[key] = line.slice(cut + 1).trim();
  }
  if (values["store.type"] === "etcd" && values["store.etcd.endpoints"] === "")
    throw wrong("store.etcd.endpoints", "It is empty.", "Give the addresses of etcd's members, or store.type=sqlite.");
  return values;
}

/** The file's text with a setting changed, everything else in it as it was. @throws MANAGER.CONFIGURATION */
export function withManagerSetting(text: string, key: string, value: string): string {
  checkManagerSetting(key, value);
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.trim().split("=")[0]?.trim() === key);
  if (at >= 0) lines[at] = `${key}=${value}`;
  else {
    while (lines.at(-1) === "") lines.pop();
    lines.push(`${key}=${value}`, "");
  }
  return lines.join("\n");
}
