import type { FactValue } from "../../model/facts.ts";
import type { NetworkConfiguration } from "../../model/network/configuration.ts";
import type { Renames } from "../../model/network/rename.ts";
import type { ProbeResult } from "../../model/network/transaction.ts";
import { networkSource } from "../facts/network.ts";
import { readNodeFile } from "../facts/node-file.ts";
import type { Present } from "./present.ts";
import { probeNetwork } from "./probes/index.ts";
import { type ProbeContext, questionOf } from "./probes/probe.ts";
import { duplicates, probeReach } from "./probes/reach.ts";
import type { NetworkWorld } from "./world.ts";

/** A change whose effect is asked about. */
export type Questions = {
  world: NetworkWorld;
  present: Present;
  configuration: NetworkConfiguration;
  /** Links that the change touches, by their names after it. */
  touched: readonly string[];
  renames: Renames;
  signal: AbortSignal;
};

/** One round of probes, on the network as it is now. */
export async function probeRound(questions: Questions, known: Foreknown): Promise<ProbeResult[]> {
  const network = await networkSource().read(questions.world.machine, questions.signal);
  const management = managementOf(questions.configuration, network);
  // Whatever was changed: the management network must work afterwards.
  const touched = [...new Set([...questions.touched, ...(management === undefined ? [] : [management])])];
  return probeNetwork({ ...(await contextOf(questions, network)), touched, management, ...known });
}

/** What was asked before the change. */
export type Foreknown = {
  deafBefore: ReadonlySet<string>;
  free: ReadonlySet<string>;
  /** Another machine has an address that a link is about to get. */
  taken: ProbeResult | undefined;
};

/** Asks what can be known while the former network still works. */
export async function foreknown(questions: Questions): Promise<Foreknown> {
  const [deafBefore, addresses] = await Promise.all([baseline(questions), newAddresses(questions)]);
  const free = addresses.filter(({ outcome }) => outcome === "passed").map(({ values }) => String(values["target"]));
  return { deafBefore, free: new Set(free), taken: addresses.find(({ outcome }) => outcome === "failed") };
}

/** What did not answer before the change. */
async function baseline(questions: Questions): Promise<Set<string>> {
  const { network, configuration } = questions.present;
  const context = await contextOf(questions, network);
  const management = managementOf(configuration, network);
  const touched = management === undefined ? [] : [management];
  const results = await probeReach({ ...context, configuration, touched, management });
  return new Set(results.filter(({ outcome }) => outcome === "failed").map(questionOf));
}

/** Who has the addresses that links are about to get. */
async function newAddresses(questions: Questions): Promise<ProbeResult[]> {
  const { network } = questions.present;
  const own = new Set(network.links.flatMap(({ addresses }) => addresses.map(({ address }) => address)));
  const oldNames = new Map([...questions.renames].map(([from, to]) => [to, from]));
  const links = questions.configuration.links.map((link) => ({
    ...link,
    name: oldNames.get(link.name) ?? link.name,
    ipv4: { ...link.ipv4, addresses: link.ipv4.addresses.filter(({ address }) => !own.has(address)) },
  }));
  const context = await contextOf(questions, network);
  const asked = { ...context, configuration: { ...questions.configuration, links } };
  // Without the tool nobody can be asked; NetworkManager looks for duplicates itself once more.
  const results = await Promise.all(links.map(({ name }) => duplicates(asked, name).catch(() => [])));
  return results.flat();
}

async function contextOf(
  { world, configuration, signal, touched }: Questions,
  network: FactValue<"network">,
): Promise<ProbeContext> {
  const { machine, resolver } = world;
  const { managerAddress } = await readNodeFile(machine).catch(() => ({ managerAddress: undefined }));
  return {
    machine,
    resolver,
    configuration,
    touched,
    management: undefined,
    managerAddress: hostAndPort(managerAddress),
    network,
    deafBefore: new Set(),
    free: new Set(),
    signal,
  };
}

function managementOf(configuration: NetworkConfiguration, network: FactValue<"network">): string | undefined {
  return configuration.managementLink ?? network.gateways[0]?.link;
}

function hostAndPort(text: string | undefined): { host: string; port: number } | null {
  const found = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text ?? "");
  return found === null ? null : { host: found[1] ?? "", port: Number(found[2]) };
}
