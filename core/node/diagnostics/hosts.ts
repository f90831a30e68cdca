import { X509Certificate } from "node:crypto";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";

/** More of them have one reason, which those tell. */
const mostProbed = 5;
/** Where agents listen. Source: management.md, "Ports". */
const port = 7070;

/** What is looked at of a host. */
const lostHost = z.looseObject({
  uuid: z.string(),
  name: z.string(),
  managementIp: z.string(),
  status: z.string(),
  lastOpDate: z.number(),
});
type LostHost = z.infer<typeof lostHost>;

type Code =
  | "HOSTS.OK"
  | "HOSTS.CONNECTING"
  | "HOSTS.SILENT"
  | "HOSTS.BLOCKED"
  | "HOSTS.NO_AGENT"
  | "HOSTS.CERT_ENDED"
  | "HOSTS.LOST"
  | "HOSTS.MORE";

/** Hosts of the cloud that the manager does not reach, each with the first reason that this node can see. */
export const hostsCheck = defineCheck({
  id: "hosts",
  area: "management",
  name: "HOSTS",
  codes: [
    "HOSTS.OK",
    "HOSTS.CONNECTING",
    "HOSTS.SILENT",
    "HOSTS.BLOCKED",
    "HOSTS.NO_AGENT",
    "HOSTS.CERT_ENDED",
    "HOSTS.LOST",
    "HOSTS.MORE",
  ],
  async run(context): Promise<Outcome<Code>[]> {
    if (context.role !== "management") return [];
    const { total, disconnected, connecting } = context.fact("hosts");
    if (total === 0) return [];
    const lost = disconnected + connecting === 0 ? [] : await lostHosts(context);
    if (lost.length === 0) return [{ outcome: "passed", code: "HOSTS.OK", values: { count: String(total) } }];
    const found = await Promise.all(lost.slice(0, mostProbed).map((host) => look(context, host)));
    const beyond = lost.length - mostProbed;
    if (beyond <= 0) return found;
    return [...found, { outcome: "failed", code: "HOSTS.MORE", subject: "more", values: { count: String(beyond) } }];
  },
});

/** Hosts in maintenance may be switched off. */
async function lostHosts(context: CheckContext): Promise<LostHost[]> {
  const { inventories } = await context.ask("QueryHost", {
    q: ["status!=Connected", "state!=Maintenance"],
    sortBy: "name",
    limit: 1000,
  });
  return z.array(lostHost).parse(inventories);
}

async function look(context: CheckContext, host: LostHost): Promise<Outcome<Code>> {
  const { uuid, status, lastOpDate: since } = host;
  const values = {
    name: plainLine(host.name, 30),
    address: plainLine(host.managementIp, 45),
    port: String(port),
    uuid,
  };
  const outcome = (code: Code, more: Record<string, string> = {}): Outcome<Code> => ({
    outcome: code === "HOSTS.CONNECTING" ? "warning" : "failed",
    code,
    subject: uuid,
    values: { ...values, ...more },
    since,
    ...(code === "HOSTS.LOST" || code === "HOSTS.CERT_ENDED" ? { fix: `reconnect-host:${uuid}` } : {}),
  });
  const [shown, answersPing] = await Promise.all([
    handshake(context, host.managementIp),
    ping(context, host.managementIp),
  ]);
  if (shown === "nothing") return outcome(answersPing ? "HOSTS.BLOCKED" : "HOSTS.SILENT");
  if (shown === "refused") return outcome("HOSTS.NO_AGENT");
  if (shown !== "noCertificate" && shown < context.now())
    return outcome("HOSTS.CERT_ENDED", { end: new Date(shown).toISOString().slice(0, 10) });
  return outcome(status === "Connecting" ? "HOSTS.CONNECTING" : "HOSTS.LOST");
}

/** What is at the agent's port: the end of the certificate that it shows, in milliseconds since the epoch, or nothing. */
async function handshake(
  { machine, signal }: CheckContext,
  address: string,
): Promise<number | "noCertificate" | "refused" | "nothing"> {
  const target = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const limits = { timeoutMs: 4000, signal, reason: "Diagnostics" };
  try {
    const { stdout, stderr } = await machine.run("openssl", ["s_client", "-connect", target], limits);
    const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(stdout) ?? [];
    if (pem !== undefined) return new X509Certificate(pem).validToDate.getTime();
    if (/Connection refused|errno=111/.test(stderr)) return "refused";
    return /^CONNECTED/m.test(stdout) ? "noCertificate" : "nothing";
  } catch (error) {
    if (error instanceof NodeError && error.code === "RUN.TIMEOUT") return "nothing";
    throw error;
  }
}

async function ping({ machine, signal }: CheckContext, address: string): Promise<boolean> {
  const limits = { timeoutMs: 4000, signal, reason: "Diagnostics" };
  const { code } = await machine.run("ping", ["-n", "-c", "2", "-i", "0.2", "-W", "2", address], limits);
  return code === 0;
}
