import { type ConsoleProxyState, consoleProxyPort, consoleProxyProblem } from "../../model/console-proxy.ts";
import { NodeError } from "../../model/error.ts";
import type { Facts } from "../../model/facts.ts";
import { valueOf } from "../../model/reading.ts";
import { readNodeFile } from "../facts/node-file.ts";
import { readUnits } from "../facts/services.ts";
import { managersProxy, type ProxyHandover } from "../manager/proxy-handover.ts";
import type { Settings } from "../settings.ts";
import { isUp, managerUnit } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

const lookMs = 3_000;

type Tools = { world: ServiceWorld; settings: Settings; handover: Pick<ProxyHandover, "now">; facts: () => Facts };

/**
 * The proxy's address and port, and whether there is a proxy that uses them: what waits for the manager, else what the
 * manager has, else what it was given last.
 */
export async function consoleProxyState({ world, settings, facts }: Tools): Promise<ConsoleProxyState> {
  const [unit, managers] = await Promise.all([proxyState(world), managersProxy(world.manager)]);
  const waiting = settings.consoleProxyToHandOver;
  if (waiting !== null) return { isSet: true, ...waiting, handedOver: false, unit };
  const automatic = { address: managementAddress(facts()), port: consoleProxyPort };
  const kept = managers === undefined ? settings.consoleProxy : managers;
  return { isSet: kept !== null, ...automatic, ...kept, handedOver: true, unit };
}

/**
 * Keeps address and port and gives them to the manager, at once or when it is started. The proxy is a part of the manager
 * and goes there by itself. An empty one stays as it is.
 *
 * @throws NodeError PROXY.EMPTY, PROXY.ADDRESS, PROXY.PORT, PROXY.NOT_MANAGEMENT, SETTINGS.NOT_SAVED
 */
export async function setConsoleProxy(
  tools: Tools,
  given: { address: string; port: string },
): Promise<{ before: ConsoleProxyState; after: ConsoleProxyState }> {
  const { world, settings } = tools;
  await requireManagement(world);
  const problem = consoleProxyProblem(given.address, given.port);
  if (problem !== undefined) throw new NodeError(problem, sentences[problem]);
  const before = await consoleProxyState(tools);
  const address = given.address === "" ? before.address : given.address;
  if (address === null) throw new NodeError("PROXY.ADDRESS", sentences["PROXY.ADDRESS"]);
  await settings.setConsoleProxy({ address, port: given.port === "" ? before.port : Number(given.port) });
  await tools.handover.now();
  return { before, after: await consoleProxyState(tools) };
}

const sentences = {
  "PROXY.EMPTY": "Neither an address nor a port was given.",
  "PROXY.ADDRESS": "The proxy's address must be an IP address.",
  "PROXY.PORT": "The proxy's port must be a number from 1024 to 65535.",
} as const;

/** A machine that is no node yet may be one that somebody tries the console on. */
async function requireManagement({ machine }: ServiceWorld): Promise<void> {
  const { role } = await readNodeFile(machine);
  if (role === "management" || role === "none") return;
  throw new NodeError("PROXY.NOT_MANAGEMENT", "The console proxy belongs to the management node.", {
    remedy: "Set it on the console of the management node.",
    values: { role },
  });
}

async function proxyState({ machine }: ServiceWorld): Promise<ConsoleProxyState["unit"]> {
  try {
    const [found] = await readUnits(machine, [managerUnit], AbortSignal.timeout(lookMs));
    if (found === undefined) return "absent";
    return isUp(found) || found.active === "activating" ? "running" : "stopped";
  } catch {
    return "unknown";
  }
}

/** Where this node itself is reached: what the proxy uses as long as nothing else is set. */
function managementAddress(facts: Facts): string | null {
  const links = valueOf(facts.network)?.links ?? [];
  const addresses = links.find(({ management }) => management)?.addresses ?? [];
  const inet = addresses.find(({ family }) => family === "inet") ?? addresses.find(({ scope }) => scope === "global");
  return inet?.address ?? null;
}
