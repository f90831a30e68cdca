import { type Echo, echo, echoHeaders } from "../neighbours.ts";
import { defineCheck } from "./check.ts";

/** Sends a packet of a size. */
export type Probe = (sizeBytes: number) => Promise<Echo>;
type PathMtu = { path: "whole" } | { path: "silent" } | { path: "smaller"; passes: number };

/** Every path carries so much. Source: RFC 791, RFC 8200. */
const smallest = { inet: 576, inet6: 1280 } as const;
/** Where networks usually end: Ethernet, PPPoE, GRE, VXLAN, WireGuard, tunnels within tunnels. */
const usual = [1500, 1492, 1476, 1450, 1420, 1400, 1280];
/** Each that gets lost costs a second, and the check has eight. */
const maxHalvings = 5;

/** The gateway of the management network gets packets as large as the interface's MTU. Nobody else is asked. */
export const pathMtuCheck = defineCheck({
  id: "path-mtu",
  area: "network",
  name: "MTU",
  codes: ["MTU.OK", "MTU.SMALLER"],
  async run(context) {
    const { links, gateways } = context.fact("network");
    const link = links.find(({ management, carrier }) => management && carrier === true);
    const gateway = gateways.find((one) => one.link === link?.name);
    if (link === undefined || gateway === undefined) return [];
    const { address, family } = gateway;
    const { machine, signal } = context;
    const asking = { machine, signal, reason: "Diagnostics" };
    const probe: Probe = (sizeBytes) => echo(asking, link.name, address, sizeBytes - echoHeaders[family]);
    const found = await findPathMtu(link.mtu, smallest[family], probe);
    if (found.path === "silent") return [{ outcome: "unable", why: { code: "timeout", detail: `ping ${address}` } }];
    const values = { link: link.name, mtu: String(link.mtu), gateway: address };
    if (found.path === "whole") return [{ outcome: "passed", code: "MTU.OK", values }];
    return [{ outcome: "failed", code: "MTU.SMALLER", values: { ...values, passes: String(found.passes) } }];
  },
});

/**
 * The largest size that passes, by halving, with the usual ends first. A path on which all is well costs one probe. The
 * answer is a size that did pass; the true limit may lie a little above.
 */
export async function findPathMtu(mtu: number, floor: number, probe: Probe): Promise<PathMtu> {
  const whole = await probe(mtu);
  if (whole.arrived) return { path: "whole" };
  if (mtu <= floor || !(await probe(floor)).arrived) return { path: "silent" };
  let passes = floor;
  let fails = mtu;
  let { told } = whole;
  for (let i = 0; i < maxHalvings && fails - passes > 1; i++) {
    const isBetween = (size: number) => size > passes && size < fails;
    const middle = Math.floor((passes + fails) / 2);
    const near = usual.filter(isBetween).sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
    const size = told !== undefined && isBetween(told) ? told : (near ?? middle);
    const answer = await probe(size);
    if (answer.arrived) passes = size;
    else fails = size;
    // What a router named and let through is the limit.
    if (answer.arrived && size === told) break;
    told = answer.told;
  }
  return { path: "smaller", passes };
}
