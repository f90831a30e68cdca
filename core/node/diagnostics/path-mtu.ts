import { commandFailed } from "../facts/source.ts";
import { type CheckContext, defineCheck } from "./check.ts";

/** Whether a packet of a size came back, and the MTU that somebody on the way named when it was refused. */
export type Probe = (sizeBytes: number) => Promise<{ arrived: boolean; told?: number }>;
type PathMtu = { path: "whole" } | { path: "silent" } | { path: "smaller"; passes: number };

/** Every path carries so much. Source: RFC 791, RFC 8200. */
const smallest = { inet: 576, inet6: 1280 } as const;
/** Around a packet's payload: the IP header without options and that of ICMP. */
const headers = { inet: 28, inet6: 48 } as const;
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
    const probe: Probe = (sizeBytes) =>
      ping(context, { link: link.name, gateway: address, payloadBytes: sizeBytes - headers[family] });
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

type Packet = { link: string; gateway: string; payloadBytes: number };

/** Two packets within a second, so that one that is lost by chance counts for nothing. Source: ping(8) of iputils. */
async function ping({ machine, signal }: CheckContext, packet: Packet): Promise<{ arrived: boolean; told?: number }> {
  const size = ["-M", "do", "-s", String(packet.payloadBytes)];
  const args = ["-n", "-c", "2", "-i", "0.2", "-w", "1", ...size, "-I", packet.link, "--", packet.gateway];
  const limits = { timeoutMs: 2000, signal, reason: "Diagnostics" };
  const { stdout, stderr } = await machine.run("ping", args, limits);
  const received = /packets transmitted, (\d+) received/.exec(stdout)?.[1];
  if (received === undefined) throw commandFailed("ping", stderr);
  const told = /\bmtu ?= ?(\d+)/.exec(`${stdout}\n${stderr}`)?.[1];
  return { arrived: Number(received) > 0, ...(told === undefined ? {} : { told: Number(told) }) };
}
