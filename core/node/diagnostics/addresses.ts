import { readNodeFile } from "../facts/node-file.ts";
import { FactMissing } from "../facts/source.ts";
import { ownMacs, whoElseHas } from "../neighbours.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { list } from "./format.ts";

/** Where the node's management address is, and whether its packets leave by the same link. */
export const managementLinkCheck = defineCheck({
  id: "management-link",
  area: "network",
  name: "MGMT",
  codes: ["MGMT.OK", "MGMT.LINK_MISSING", "MGMT.NO_CARRIER", "MGMT.NO_ADDRESS", "MGMT.OTHER_ROUTE"],
  async run(context) {
    // A machine that is no node has no management network.
    if (context.role === "none" || context.role === "expert") return [];
    const { links, gateways } = context.fact("network");
    const configured = (await readNodeFile(context.machine)).managementLink;
    const link = links.find(({ management }) => management);
    if (link === undefined) {
      if (configured === undefined)
        return [{ outcome: "unable", why: { code: "notConfigured", detail: "default route" } }];
      const there = list(links.filter(({ kind }) => kind !== "loopback").map(({ name }) => name));
      return [{ outcome: "failed", code: "MGMT.LINK_MISSING", values: { link: configured, there } }];
    }
    const addresses = link.addresses.filter(({ scope }) => scope === "global");
    const routes = gateways.map((gateway) => gateway.link);
    const values = {
      link: link.name,
      address: list(
        addresses.map(({ address }) => address),
        1,
      ),
      route: list([...new Set(routes)]),
    };
    if (link.carrier !== true) return [{ outcome: "failed", code: "MGMT.NO_CARRIER", values }];
    if (addresses.length === 0) return [{ outcome: "failed", code: "MGMT.NO_ADDRESS", values }];
    // A network without a way out is a choice; two ways out of which management takes the other is a mistake.
    if (routes.length > 0 && !routes.includes(link.name))
      return [{ outcome: "warning", code: "MGMT.OTHER_ROUTE", values }];
    return [{ outcome: "passed", code: "MGMT.OK", values }];
  },
});

const probeTimeoutMs = 5000;
const askSeconds = 3;
const maxProbes = 4;

type Code = "ADDRESS.OK" | "ADDRESS.DUPLICATE";

/** Whether another machine answers to the management link's IPv4 addresses: an ARP probe as in RFC 5227. */
export const duplicateAddressCheck = defineCheck({
  id: "duplicate-address",
  area: "network",
  name: "ADDRESS",
  codes: ["ADDRESS.OK", "ADDRESS.DUPLICATE"],
  async run(context) {
    const { links } = context.fact("network");
    const link = links.find(({ management, carrier }) => management && carrier === true);
    const own = link?.addresses.filter(({ family }) => family === "inet").slice(0, maxProbes) ?? [];
    if (link === undefined || link.mac === null || own.length === 0) return [];
    await requireIputils(context);
    const { machine, signal } = context;
    const asking = { machine, signal, reason: "Diagnostics" };
    // A switch may send our own probe back.
    const macs = ownMacs(links);
    const found: Outcome<Code>[] = [];
    for (const { address } of own) {
      const mac = await whoElseHas(asking, { link: link.name, address, seconds: askSeconds, own: macs });
      if (mac === undefined) continue;
      found.push({
        outcome: "failed",
        code: "ADDRESS.DUPLICATE",
        subject: address,
        values: { address, link: link.name, mac },
      });
    }
    if (found.length === 0)
      found.push({
        outcome: "passed",
        code: "ADDRESS.OK",
        values: {
          address: list(
            own.map(({ address }) => address),
            2,
          ),
          link: link.name,
        },
      });
    return found;
  },
});

/** Another program has the same name and means other things with the same options. */
async function requireIputils({ machine, signal }: CheckContext): Promise<void> {
  const { stdout } = await machine.run("arping", ["-V"], { timeoutMs: probeTimeoutMs, signal, reason: "Diagnostics" });
  if (!stdout.includes("iputils")) throw new FactMissing("unsupported", "arping");
}
