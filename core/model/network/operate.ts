import { NodeError } from "../error.ts";
import { shown } from "../quote.ts";
import { attach, bond, bridge, deleteLink, detach, vlan } from "./build-links.ts";
import {
  type Ipv4Settings,
  type Ipv6Settings,
  type NetworkConfiguration,
  type NetworkHardware,
  withFirstAddress,
} from "./configuration.ts";
import { interfaceNameProblem } from "./fields.ts";
import { oneAddress, oneRoute } from "./one-entry.ts";
import type { NetworkOperation } from "./operation.ts";
import { renamed } from "./rename.ts";
import { forSettings, isKnown, isTaken, nameTaken, unknownLink, type Workbench, withLink } from "./workbench.ts";

type Saved = (id: string) => NetworkConfiguration | undefined;
type Operation<D extends NetworkOperation["do"]> = Extract<NetworkOperation, { do: D }>;

/**
 * The configuration after the operations, in their order. What can't be done at all is a NodeError NET.*; whether the
 * result is any good is for `networkProblems` to say. `hardware` null: any name may be that of a card.
 */
export function operate(
  configuration: NetworkConfiguration,
  operations: readonly NetworkOperation[],
  saved: Saved,
  hardware: NetworkHardware | null = null,
): NetworkConfiguration {
  const start: Workbench = {
    configuration,
    cards: hardware === null ? null : new Set(hardware.links.map(({ name }) => name)),
    otherNames: new Set(hardware?.otherNames),
  };
  return operations.reduce((bench, operation) => step(bench, operation, saved), start).configuration;
}

function step(bench: Workbench, operation: NetworkOperation, saved: Saved): Workbench {
  const { configuration } = bench;
  switch (operation.do) {
    case "address":
      return address(bench, operation);
    case "oneAddress":
      return oneAddress(bench, operation);
    case "oneRoute":
      return oneRoute(bench, operation);
    case "mtu":
      return withLink(bench, { ...forSettings(bench, operation.link), mtu: operation.mtu });
    case "bond":
      return bond(bench, operation);
    case "attach":
      return attach(bench, operation.bond, operation.leg);
    case "detach":
      return detach(bench, operation.bond, operation.leg);
    case "vlan":
      return vlan(bench, operation.parent, operation.id);
    case "bridge":
      return bridge(bench, operation.link, operation.port);
    case "delete":
      return deleteLink(bench, operation.link, operation.kind);
    case "rename":
      return rename(bench, operation);
    case "management":
      if (operation.link !== null && !isKnown(bench, operation.link)) throw unknownLink(operation.link);
      return { ...bench, configuration: { ...configuration, managementLink: operation.link } };
    case "hostname":
      return { ...bench, configuration: { ...configuration, hostname: operation.hostname } };
    case "timeServers":
      return { ...bench, configuration: { ...configuration, timeServers: [...operation.servers] } };
    case "restore":
      return { ...bench, configuration: restored(operation.id, saved) };
  }
}

function address(bench: Workbench, operation: Operation<"address">): Workbench {
  const entry = forSettings(bench, operation.link);
  const { ipv4 = entry.ipv4, ipv6 = entry.ipv6, others } = operation;
  if (others === undefined) return withLink(bench, { ...entry, ipv4, ipv6 });
  return withLink(bench, { ...entry, ipv4: besideOthers(ipv4, entry.ipv4), ipv6: besideOthers(ipv6, entry.ipv6) });
}

function besideOthers<S extends Ipv4Settings | Ipv6Settings>(settings: S, present: S): S {
  const { method, addresses } = settings;
  if (method === "none") return settings;
  const first = method === "static" ? (addresses[0] ?? null) : null;
  return { ...settings, addresses: withFirstAddress(present, first), routes: present.routes };
}

function rename(bench: Workbench, { link: name, to }: Operation<"rename">): Workbench {
  if (!isKnown(bench, name, "named")) throw unknownLink(name);
  const wrong = interfaceNameProblem(to);
  if (wrong !== undefined)
    throw new NodeError(wrong.code, wrong.description, { remedy: wrong.remedy, values: wrong.values });
  const { configuration, renames } = renamed(bench.configuration, new Map([[name, to]]));
  for (const fresh of renames.values()) if (isTaken(bench, fresh)) throw nameTaken(bench, fresh);
  const cards = bench.cards === null ? null : new Set([...bench.cards].map((card) => renames.get(card) ?? card));
  return { ...bench, configuration, cards };
}

function restored(id: string, saved: Saved): NetworkConfiguration {
  const found = saved(id);
  if (found !== undefined) return found;
  throw new NodeError("NET.SAVED_UNKNOWN", `There is no kept configuration ${shown(id)}.`, {
    remedy: "Choose one of those that are listed: only the last ones are kept.",
    values: { id: id.slice(0, 64) },
  });
}
