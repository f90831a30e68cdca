import { longestInterfaceName, parseAddress } from "../../core/model/address.ts";
import { NodeError } from "../../core/model/error.ts";
import {
  type BondMode,
  linkOf,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
} from "../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import { prefixOf, type Request } from "./arguments.ts";

/** The bonds of the two commands. Source: the network specification, "The commands". */
const bondKinds = {
  "zs-bond-lacp": { mode: "802.3ad", options: { miimon: "100", xmit_hash_policy: "layer2+3" } },
  "zs-bond-ab": { mode: "active-backup", options: { miimon: "100" } },
} as const satisfies Record<string, { mode: BondMode; options: Record<string, string> }>;

/**
 * What a request asks the agent for, on a node that is configured so.
 * @throws NodeError NET.NAME_TOO_LONG: before anything is done
 */
export function operationsOf(request: Request, present: NetworkConfiguration): NetworkOperation[] {
  const value = (name: string) => request.values.get(name) ?? "";
  const isFirst = request.action === request.command.actions[0];
  switch (request.command.name) {
    case "zs-show-network":
      return [];
    case "zs-network-setting":
      return isFirst ? [addressOf(request, value("IFACE"), [value("IFACE")], present)] : bridgeOf(request, present);
    case "zs-change-nic":
      return [{ do: "rename", link: value("OLD"), to: value("NEW") }];
    case "zs-vlan":
      return [vlanOf(value("IFACE"), Number(value("ID")), isFirst, present)];
    case "zs-bond-lacp":
    case "zs-bond-ab":
      return isFirst
        ? [{ do: "bond", link: value("BOND"), ...bondKinds[request.command.name], change: false }]
        : [{ do: "delete", link: value("BOND"), kind: "bond" }];
    case "zs-nic-to-bond":
      return [{ do: isFirst ? "attach" : "detach", bond: value("BOND"), leg: value("NIC") }];
  }
}

function bridgeOf(request: Request, present: NetworkConfiguration): NetworkOperation[] {
  const port = request.values.get("IFACE") ?? "";
  const link = fitting(`br_${port}`, `the bridge on ${port}`);
  const found = linkOf(present, link);
  const isThere = found?.kind === "bridge" && found.bridge.ports.includes(port);
  const address = addressOf(request, link, [link, port], present);
  return isThere ? [address] : [{ do: "bridge", link, port }, address];
}

/** Routes and name servers of the interface stay; those of a port go to its bridge. */
function addressOf(
  { values }: Request,
  link: string,
  formerly: readonly string[],
  present: NetworkConfiguration,
): NetworkOperation {
  const address = values.get("IP") ?? "";
  const family = parseAddress(address)?.family ?? 4;
  const former = formerly.map((name) => linkOf(present, name)).find((found) => found !== undefined);
  const change = {
    method: "static" as const,
    addresses: [{ address, prefix: prefixOf(values.get("NETMASK") ?? "", family) ?? 0 }],
    gateway: values.get("GATEWAY") ?? null,
  };
  return family === 4
    ? { do: "address", link, ipv4: { ...(former?.ipv4 ?? noIpv4), ...change } }
    : { do: "address", link, ipv6: { ...(former?.ipv6 ?? noIpv6), ...change } };
}

function vlanOf(parent: string, id: number, isNew: boolean, present: NetworkConfiguration): NetworkOperation {
  const usual = `${parent}.${id}`;
  if (isNew) {
    fitting(usual, `VLAN ${id} on ${parent}`);
    return { do: "vlan", parent, id };
  }
  // One that was made by other means may be called otherwise.
  const found = present.links.find(
    ({ kind, ...link }) => "vlan" in link && link.vlan.parent === parent && link.vlan.id === id,
  );
  return { do: "delete", link: found?.name ?? usual, kind: "vlan" };
}

function fitting(name: string, what: string): string {
  if (Buffer.byteLength(name) <= longestInterfaceName) return name;
  throw new NodeError(
    "NET.NAME_TOO_LONG",
    `The name ${name} for ${what} has ${name.length} characters; Linux allows ${longestInterfaceName}.`,
    { remedy: "Give the interface below it a shorter name first: zs-change-nic -c OLD NEW" },
  );
}
