import type { FactValue, Link } from "../../../../../core/model/facts.ts";
import type { NetworkConfiguration } from "../../../../../core/model/network/configuration.ts";
import type { RunResult } from "../../../../../core/node/command.ts";
import { fixtureMachine, recording } from "../../../../../core/node/fixture.ts";
import type { ProbeContext } from "../../../../../core/node/network/probes/probe.ts";

/* Links and contexts of probes, each with what matters to a test. */

type Leg = NonNullable<Link["bond"]>["legs"][number];

export function leg(link: string, more: Partial<Leg> = {}): Leg {
  return { link, up: true, active: true, failures: 0, partnerMac: "00:00:5e:00:53:01", ...more };
}

export type LinkOptions = {
  carrier?: boolean;
  speedMbps?: number;
  mtu?: number;
  mac?: string;
  addresses?: readonly string[];
  dynamic?: boolean;
  bond?: Partial<NonNullable<Link["bond"]>>;
};

export function aLink(name: string, options: LinkOptions = {}): Link {
  const { carrier = true, speedMbps = 1000, mtu = 1500, mac = null, addresses = [], dynamic = false } = options;
  return {
    name,
    kind: options.bond === undefined ? "physical" : "bond",
    adminUp: true,
    carrier,
    speedMbps,
    duplex: "full",
    mtu,
    mac,
    permanentMac: null,
    driver: null,
    bus: null,
    addresses: addresses.map((text) => {
      const [address = "", prefix = ""] = text.split("/");
      const family = address.includes(":") ? "inet6" : "inet";
      return { family, address, prefix: Number(prefix), scope: "global", dynamic };
    }),
    master: null,
    bond: options.bond === undefined ? null : { mode: "802.3ad", legs: [], ...options.bond },
    bridgePorts: null,
    vlan: null,
    management: false,
    receivedBytes: 0,
    sentBytes: 0,
    errors: 0,
  };
}

export type ContextOptions = {
  configuration: NetworkConfiguration;
  touched: readonly string[];
  links: readonly Link[];
  gateways?: FactValue<"network">["gateways"];
  nameServers?: string[];
  /** What a command answers, by its line; others are not installed. */
  commands?: Readonly<Record<string, Partial<RunResult>>>;
  more?: Partial<ProbeContext>;
};

export function aContext(options: ContextOptions): ProbeContext {
  const { configuration, touched, links, gateways = [], nameServers = [], commands = {}, more } = options;
  const machine = fixtureMachine(recording.parse({ now: 0, files: {}, commands }));
  return {
    machine,
    resolver: async () => undefined,
    configuration,
    touched,
    management: configuration.managementLink ?? undefined,
    managerAddress: null,
    network: { links: [...links], gateways, nameServers },
    deafBefore: new Set(),
    free: new Set(),
    signal: new AbortController().signal,
    ...more,
  };
}
