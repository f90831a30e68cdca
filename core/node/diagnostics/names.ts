import { defineCheck } from "./check.ts";
import { list } from "./format.ts";

const timeoutMs = 3000;

/** A host name that tells this node from the others. */
export const hostnameCheck = defineCheck({
  id: "hostname",
  area: "node",
  name: "HOSTNAME",
  codes: ["HOSTNAME.OK", "HOSTNAME.LOCALHOST"],
  async run(context) {
    const { hostname, role } = context.fact("identity");
    const values = { name: hostname === "" ? "-" : hostname };
    if (!/^(localhost(\..*)?|\(none\)|)$/i.test(hostname)) return [{ outcome: "passed", code: "HOSTNAME.OK", values }];
    return [{ outcome: role === "none" ? "warning" : "failed", code: "HOSTNAME.LOCALHOST", values }];
  },
});

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
