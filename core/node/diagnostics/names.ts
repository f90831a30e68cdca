import { X509Certificate } from "node:crypto";
import { readOrNothing } from "../machine.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { list } from "./format.ts";

const timeoutMs = 3000;

type HostnameCode =
  | "HOSTNAME.OK"
  | "HOSTNAME.LOCALHOST"
  | "HOSTNAME.CHANGED"
  | "HOSTNAME.CERTIFICATE"
  | "HOSTNAME.UNRESOLVED";

/** A host name that tells this node from the others, stays the same, and stands for an address. */
export const hostnameCheck = defineCheck({
  id: "hostname",
  area: "node",
  name: "HOSTNAME",
  codes: ["HOSTNAME.OK", "HOSTNAME.LOCALHOST", "HOSTNAME.CHANGED", "HOSTNAME.CERTIFICATE", "HOSTNAME.UNRESOLVED"],
  async run(context) {
    const { machine } = context;
    const { hostname, role } = context.fact("identity");
    const values = { name: hostname === "" ? "-" : hostname };
    const outcome = role === "none" ? "warning" : "failed";
    if (/^(localhost(\..*)?|\(none\)|)$/i.test(hostname)) return [{ outcome, code: "HOSTNAME.LOCALHOST", values }];
    const found: Outcome<HostnameCode>[] = [];
    const kept = parseHostnameFile((await readOrNothing(machine, "/etc/hostname")) ?? "");
    if (kept !== undefined && kept.toLowerCase() !== hostname.toLowerCase())
      found.push({ outcome, code: "HOSTNAME.CHANGED", subject: "static", values: { ...values, static: kept } });
    const issued = issuedFor(hostname, (await readOrNothing(machine, certificateFile)) ?? "");
    if (issued !== undefined)
      found.push({ outcome, code: "HOSTNAME.CERTIFICATE", subject: "certificate", values: { ...values, issued } });
    const hosts = await readOrNothing(machine, "/etc/hosts");
    const nsswitch = (await readOrNothing(machine, "/etc/nsswitch.conf")) ?? "";
    // With systemd's module a machine always knows itself. A machine that is no node migrates nothing.
    const isKnown = hosts === undefined || hasName(hosts, hostname) || /^\s*hosts:.*\bmyhostname\b/m.test(nsswitch);
    if (!isKnown && role !== "none") {
      const named = { ...values, address: ownAddress(context) };
      found.push({ outcome: "warning", code: "HOSTNAME.UNRESOLVED", subject: "hosts", values: named });
    }
    return found.length > 0 ? found : [{ outcome: "passed", code: "HOSTNAME.OK", values }];
  },
});

/** This node's certificate, which the agent shows to the manager. */
const certificateFile = "/etc/binnacle/tls/node.crt";

/** The name in a certificate that is not for this host; undefined when it is, or names no host. */
function issuedFor(hostname: string, pem: string): string | undefined {
  if (pem === "") return undefined;
  const certificate = new X509Certificate(pem);
  if (certificate.checkHost(hostname) !== undefined) return undefined;
  return /\bDNS:([^,\s]+)/.exec(certificate.subjectAltName ?? "")?.[1];
}

/** The name that the machine gets at its next start; undefined when the file names none. Source: hostname(5). */
function parseHostnameFile(text: string): string | undefined {
  return text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "" && !line.startsWith("#"));
}

/** Whether a line gives an address to the name. Source: hosts(5). */
function hasName(hosts: string, name: string): boolean {
  return hosts.split("\n").some((line) => {
    const [, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    return names.some((one) => one.toLowerCase() === name.toLowerCase());
  });
}

/** The management address, or the one that Debian gives to a machine without a lasting one. */
function ownAddress({ facts }: CheckContext): string {
  const links = facts.network.state === "missing" ? [] : facts.network.value.links;
  const addresses = links.find(({ management }) => management)?.addresses ?? [];
  return addresses.find(({ scope }) => scope === "global")?.address ?? "127.0.1.1";
}

/** Whether each name server answers within 3 s. "No such name" is an answer. */
export const dnsCheck = defineCheck({
  id: "dns",
  area: "node",
  name: "DNS",
  codes: ["DNS.OK", "DNS.NO_SERVER", "DNS.SILENT", "DNS.SOME_SILENT"],
  async run(context) {
    const servers = context.fact("network").nameServers;
    if (servers.length === 0) return [{ outcome: "warning", code: "DNS.NO_SERVER" }];
    const { resolver } = context;
    if (resolver === null) return [{ outcome: "unable", why: { code: "unsupported", detail: "DNS" } }];
    const { hostname } = context.fact("identity");
    const answers = await Promise.allSettled(servers.map((server) => resolver(server, hostname, timeoutMs)));
    const silent = servers.filter((_, i) => answers[i]?.status === "rejected");
    const values = { servers: list(servers), silent: list(silent), limit: `${timeoutMs / 1000} s` };
    if (silent.length === 0) return [{ outcome: "passed", code: "DNS.OK", values }];
    // The first one is asked first: every look-up waits for it.
    if (silent.length === servers.length) return [{ outcome: "failed", code: "DNS.SILENT", values }];
    return [{ outcome: "warning", code: "DNS.SOME_SILENT", values }];
  },
});
