import type { Caller, Handlers } from "../../api/server.ts";
import type { ConsoleProxyState } from "../../model/console-proxy.ts";
import type { Audit } from "../audit.ts";
import type { FactBoard } from "../facts/board.ts";
import type { Jobs } from "../jobs.ts";
import type { ProxyHandover } from "../manager/proxy-handover.ts";
import type { ImpactView } from "../power.ts";
import type { Settings } from "../settings.ts";
import { consoleProxyState, setConsoleProxy } from "./console-proxy.ts";
import { serviceImpactOf } from "./impact.ts";
import { startServiceJob } from "./job.ts";
import { runningServiceJob } from "./jobs.ts";
import { refusalsOf } from "./refusals.ts";
import { readService } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

type ServiceParts = {
  service: ServiceWorld;
  audit: Audit;
  jobs: Jobs;
  settings: Settings;
  handover: ProxyHandover;
  board: FactBoard;
  impactView: (caller: Caller) => Promise<ImpactView>;
};
type ServiceCalls = "service" | "serviceImpact" | "startServiceJob" | "consoleProxy" | "setConsoleProxy";

/** Below the ten seconds that a client waits. */
const lookMs = 8_000;

/** The calls that concern the ZStack service. */
export function serviceHandlers(parts: ServiceParts): Pick<Handlers, ServiceCalls> {
  const { service: world, audit, jobs, settings, handover, board } = parts;
  const proxy = { world, settings, handover, facts: () => board.facts() };
  return {
    service: async () => {
      const known = await readService(world, AbortSignal.timeout(lookMs));
      return { units: known.units, refusals: refusalsOf(known, runningServiceJob(jobs)) };
    },
    serviceImpact: async ({ query, caller }) =>
      serviceImpactOf(world, query.action, await parts.impactView(caller), runningServiceJob(jobs)),
    startServiceJob: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "service.begin", detail: body.action }, () =>
        startServiceJob({ jobs, audit, world, onEmptied: () => handover.lost() }, body, caller.console),
      ),
    consoleProxy: () => consoleProxyState(proxy),
    setConsoleProxy: async ({ body, caller }) => {
      const { after } = await audit.audited(
        { console: caller.console, action: "settings.consoleProxy" },
        () => setConsoleProxy(proxy, body),
        (changed) => ({ before: proxyWords(changed.before), after: proxyWords(changed.after) }),
      );
      return after;
    },
  };
}

function proxyWords({ isSet, address, port }: ConsoleProxyState): string | null {
  return isSet ? `address=${address} port=${port}` : null;
}
