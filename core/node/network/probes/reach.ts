import { connect } from "node:net";
import { NodeError } from "../../../model/error.ts";
import { linkOf as settingsOf } from "../../../model/network/configuration.ts";
import type { ProbeKind, ProbeResult } from "../../../model/network/transaction.ts";
import { FactMissing } from "../../facts/source.ts";
import { type Asking, echo, echoHeaders, ownMacs, whoElseHas } from "../../neighbours.ts";
import { comparedWithBefore, linkNow, type ProbeContext, probed, unlessManagement } from "./probe.ts";

/*
 * Whether others answer: the gateways, the manager, name servers, and whoever may have our address already. Each asks
 * for four seconds at most.
 */

const askSeconds = 2;
const limitMs = 4_000;
/** NetworkManager looks once more, and longer, before it takes an address. */
const duplicateSeconds = 1;
/** What ping sends by itself. */
const smallPayload = 56;

/** Asks everybody at the same time. */
export async function probeReach(context: ProbeContext): Promise<ProbeResult[]> {
  const questions = [
    ...context.touched.flatMap((link) => [
      able("duplicate", link, duplicates(context, link)),
      able("gateway", link, gateways(context, link)),
    ]),
    able("manager", "", manager(context)),
    able("dns", "", nameServers(context)),
  ];
  const results = (await Promise.all(questions)).flat();
  return results.map((result) => comparedWithBefore(context, result));
}

/** A question that can't be asked, for want of a tool or in its time, is skipped and says why. */
async function able(kind: ProbeKind, link: string, asked: Promise<ProbeResult[]>): Promise<ProbeResult[]> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof NodeError) && !(error instanceof FactMissing)) throw error;
    return [probed(kind, link, "skipped", "PROBE.UNABLE", error.message, { link })];
  }
}

/** Who else has an address: asked by ARP with an empty sender, as RFC 5227 has it. */
export async function duplicates(context: ProbeContext, link: string): Promise<ProbeResult[]> {
  const addresses = settingsOf(context.configuration, link)?.ipv4.addresses ?? [];
  if (linkNow(context, link)?.carrier !== true) return [];
  const asked = addresses.map(async ({ address }) => {
    // A free one was asked about just before the change, and the link has held it ever since.
    const mac = context.free.has(address) ? undefined : await whoElse(context, link, address);
    if (mac === undefined) {
      const description = `Nobody else has ${address}.`;
      return probed("duplicate", link, "passed", "DUPLICATE.NONE", description, { link, target: address });
    }
    const description = `${address} is used by another machine already: ${mac} answers on ${link}.`;
    return probed("duplicate", link, "failed", "DUPLICATE.TAKEN", description, { link, target: address, mac });
  });
  return Promise.all(asked);
}

function whoElse(context: ProbeContext, link: string, address: string): Promise<string | undefined> {
  const own = ownMacs(context.network.links);
  return whoElseHas(asking(context, "look for a duplicate address"), { link, address, seconds: duplicateSeconds, own });
}

function asking({ machine, signal }: ProbeContext, reason: string): Asking {
  return { machine, signal, reason };
}

async function gateways(context: ProbeContext, link: string): Promise<ProbeResult[]> {
  const now = linkNow(context, link);
  if (now?.carrier !== true) return [];
  const asked = context.network.gateways
    .filter((gateway) => gateway.link === link)
    .map(async ({ address, family }) => {
      const values = { link, target: address };
      const answers = family === "inet" ? await arp(context, link, address) : await neighbour(context, link, address);
      if (!answers) {
        const description = `The gateway ${address} does not answer on ${link}.`;
        return [probed("gateway", link, unlessManagement(context, link), "GATEWAY.SILENT", description, values)];
      }
      const passed = probed("gateway", link, "passed", "GATEWAY.OK", `The gateway ${address} answers.`, values);
      return family === "inet"
        ? [passed, ...(await able("pathMtu", link, pathMtu(context, link, now.mtu, address)))]
        : [passed];
    });
  const silent = missingGateways(context, link);
  return [...silent, ...(await Promise.all(asked)).flat()];
}

/** A gateway that was asked for, and that the kernel has no route to. */
function missingGateways(context: ProbeContext, link: string): ProbeResult[] {
  const settings = settingsOf(context.configuration, link);
  return [settings?.ipv4, settings?.ipv6].flatMap((family) => {
    const gateway = family?.gateway ?? null;
    if (gateway === null || context.network.gateways.some(({ address }) => address === gateway)) return [];
    const description = `The default route through ${gateway} on ${link} is not in force.`;
    const values = { link, target: gateway };
    return [probed("gateway", link, unlessManagement(context, link), "GATEWAY.NO_ROUTE", description, values)];
  });
}

async function arp({ machine, signal }: ProbeContext, link: string, address: string): Promise<boolean> {
  const args = ["-f", "-I", link, "-c", "3", "-w", String(askSeconds), address];
  const { stdout } = await machine.run("arping", args, { timeoutMs: limitMs, signal, reason: "ask the gateway" });
  return /reply from/.test(stdout);
}

async function neighbour({ machine, signal }: ProbeContext, link: string, address: string): Promise<boolean> {
  const args = ["-1", "-q", "-r", "2", "-w", "1000", address, link];
  const { code } = await machine.run("ndisc6", args, { timeoutMs: limitMs, signal, reason: "ask the gateway" });
  return code === 0;
}

/** Packets as large as the interface sends them must reach the gateway, or connections hang once data flow. */
async function pathMtu(context: ProbeContext, link: string, mtu: number, gateway: string): Promise<ProbeResult[]> {
  const passes = async (payload: number) =>
    (await echo(asking(context, "measure the path"), link, gateway, payload)).arrived;
  const values = { link, target: `${gateway} mtu ${mtu}`, mtu };
  if (await passes(mtu - echoHeaders.inet)) {
    const description = `Packets of ${mtu} bytes reach the gateway.`;
    return [probed("pathMtu", link, "passed", "MTU.OK", description, values)];
  }
  // A gateway that answers no echo at all says nothing about sizes.
  if (!(await passes(smallPayload))) return [];
  const description = `Packets of ${mtu} bytes, the MTU of ${link}, do not reach the gateway ${gateway}; small ones do.`;
  return [probed("pathMtu", link, unlessManagement(context, link), "MTU.SMALLER", description, values)];
}

async function manager({ managerAddress }: ProbeContext): Promise<ProbeResult[]> {
  if (managerAddress === null) return [];
  const { host, port } = managerAddress;
  const target = `${host}:${port}`;
  if (await connects(host, port))
    return [probed("manager", "", "passed", "MANAGER.OK", `The manager answers at ${target}.`, { target })];
  const description = `The manager does not answer at ${target}.`;
  return [probed("manager", "", "failed", "MANAGER.SILENT", description, { target })];
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: askSeconds * 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

async function nameServers({ network, resolver, configuration }: ProbeContext): Promise<ProbeResult[]> {
  const asked = network.nameServers.map(async (server) => {
    const answers = await resolver(server, configuration.hostname, askSeconds * 1000).then(
      () => true,
      () => false,
    );
    const values = { target: server };
    return answers
      ? probed("dns", "", "passed", "DNS.OK", `The name server ${server} answers.`, values)
      : probed("dns", "", "warning", "DNS.SILENT", `The name server ${server} does not answer.`, values);
  });
  return Promise.all(asked);
}
