import { NodeError } from "../../model/error.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck } from "./check.ts";
import { managerConfiguration } from "./manager-configuration.ts";

const managerUnit = "binnacle-manager.service";

/** The management service of a management node: its unit, its answers to this node, and its API. */
export const managerCheck = defineCheck({
  id: "manager",
  area: "management",
  name: "MANAGER",
  codes: [
    "MANAGER.OK",
    "MANAGER.ABSENT",
    "MANAGER.BAD_CONFIGURATION",
    "MANAGER.STOPPED",
    "MANAGER.RESTARTING",
    "MANAGER.SILENT",
    "MANAGER.UNKNOWN",
    "MANAGER.NO_API",
    "MANAGER.UNTRUSTED",
  ],
  async run(context) {
    if (context.role !== "management") return [];
    const reading = context.facts.management;
    if (reading.state === "missing" && reading.why.code === "notInstalled")
      return [{ outcome: "failed", code: "MANAGER.ABSENT", values: { unit: managerUnit } }];
    const { service, why, pid } = context.fact("management");
    const configuration = await managerConfiguration(context.machine).catch((error: unknown) => {
      if (error instanceof NodeError && error.code === "MANAGER.CONFIGURATION") return error;
      throw error;
    });
    if (configuration instanceof NodeError) {
      const values = { said: plainLine(configuration.message, 60), remedy: plainLine(configuration.remedy ?? "", 60) };
      return [{ outcome: "failed", code: "MANAGER.BAD_CONFIGURATION", values }];
    }
    if (service === "running") {
      const code = await apiFault(context, configuration);
      const values = { port: configuration["api.port"], pid: String(pid ?? "-") };
      return [{ outcome: code === "MANAGER.OK" ? "passed" : "failed", code, values }];
    }
    if (why === "silent") return [{ outcome: "failed", code: "MANAGER.SILENT", values: { pid: String(pid ?? "-") } }];
    const services = context.facts.services.state === "missing" ? [] : context.facts.services.value;
    const since = services.find(({ unit }) => unit === managerUnit)?.since ?? null;
    const page = await context.logs.read({ unit: managerUnit, priority: 3, limit: 1 }).catch(() => undefined);
    const values = { unit: managerUnit, said: plainLine(page?.lines[0]?.message ?? "", 100) };
    if (why === "restarting") return [{ outcome: "failed", code: "MANAGER.RESTARTING", values, since }];
    return service === "stopped"
      ? [{ outcome: "failed", code: "MANAGER.STOPPED", values, since, fix: `restart-unit:${managerUnit}` }]
      : [{ outcome: "warning", code: "MANAGER.UNKNOWN", values, since }];
  },
});

/** What curl(1) ends with when the other end shows a certificate that is not to be trusted. */
const distrust: ReadonlySet<number> = new Set([51, 60]);

/** Asks the API as a client of this cloud does: over TLS, trusting nobody but the cloud's authority. */
async function apiFault(
  { machine, signal }: CheckContext,
  configuration: ManagerConfiguration,
): Promise<"MANAGER.OK" | "MANAGER.NO_API" | "MANAGER.UNTRUSTED"> {
  const { "api.address": address, "api.port": port, "tls.folder": tls } = configuration;
  const isEverywhere = /^(::|0\.0\.0\.0)$/.test(address);
  const host = isEverywhere ? "localhost" : address.includes(":") ? `[${address}]` : address;
  const trust = ["--cacert", `${tls}/ca.crt`];
  const quietly = ["--silent", "--fail", "--output", "/dev/null", "--max-time", "4", "--noproxy", "*"];
  const args = [...quietly, ...trust, `https://${host}:${port}/v1/openapi.json`];
  const limits = { timeoutMs: 6000, signal, reason: "Diagnostics" };
  // It has answered at root's door: without curl that has to do.
  const { code } = await machine.run("curl", args, limits).catch((error: unknown) => {
    if (error instanceof NodeError && error.code === "RUN.NOT_FOUND") return { code: 0 };
    throw error;
  });
  if (distrust.has(code)) return "MANAGER.UNTRUSTED";
  return code === 0 ? "MANAGER.OK" : "MANAGER.NO_API";
}
