import { type Facts, type FactValue, type Link, missingFacts } from "../../model/facts.ts";
import { emptySeries, type Histories } from "../../model/history.ts";
import type { Reading } from "../../model/reading.ts";
import type { PublicView } from "../../model/records.ts";

/**
 * What of the facts somebody without a session may see.
 * - `panels`: everything on the home screen, but no serial numbers, and virtual machines counted and not named;
 * - `status`: whether the node is well and where it is reached;
 * - `nothing`: which node this is, and the time.
 * Whoever sees the role sees whether it is ready; the step only on the panels, and why it failed never, for that may
 * quote any command's output.
 * Pure: the facts stay as they are.
 */
export function publicFacts(facts: Facts, view: PublicView): Facts {
  return projections[view](facts);
}

/** The course of CPU and memory is on the panels: whoever may not see these does not get it either. */
export function publicHistories(histories: Histories, view: PublicView): Histories {
  return view === "panels" ? histories : { cpu: emptySeries(), memory: emptySeries() };
}

const projections: Record<PublicView, (facts: Facts) => Facts> = {
  panels: (facts) => ({
    ...facts,
    identity: mapped(facts.identity, (identity) => ({
      ...identity,
      serial: null,
      ...roleStatus(identity, identity.roleStatus?.step ?? null),
    })),
    disks: mapped(facts.disks, (disks) => disks.map((disk) => ({ ...disk, serial: null }))),
    virtualMachines: mapped(facts.virtualMachines, (machines) => ({ ...machines, list: null })),
  }),
  status: (facts) => ({
    ...lockedFacts(facts),
    identity: nameOnly(facts.identity),
    time: facts.time,
    clock: facts.clock,
    management: facts.management,
    filesystems: facts.filesystems,
    network: mapped(facts.network, (network) => ({
      links: network.links.filter(({ management }) => management).map(addressesOnly),
      gateways: [],
      nameServers: [],
    })),
  }),
  nothing: (facts) => ({ ...lockedFacts(facts), identity: nameOnly(facts.identity), time: facts.time }),
};

function lockedFacts(facts: Facts): Facts {
  return missingFacts({ code: "locked", detail: "" }, facts.identity.at);
}

function nameOnly(reading: Facts["identity"]): Facts["identity"] {
  return mapped(reading, (identity) => ({
    hostname: identity.hostname,
    role: identity.role,
    os: "",
    kernel: "",
    vendor: null,
    model: null,
    serial: null,
    virtualization: null,
    ...roleStatus(identity, null),
  }));
}

/** Whether the role is ready, and this step of its installation; nothing where none was recorded. */
function roleStatus({ roleStatus: status }: FactValue<"identity">, step: string | null) {
  return status === undefined ? {} : { roleStatus: { state: status.state, step, reason: null, remedy: null } };
}

/** A link's name, state and addresses, without what tells of hardware, neighbours and traffic. */
function addressesOnly(link: Link): Link {
  return {
    ...link,
    mac: null,
    permanentMac: null,
    driver: null,
    bus: null,
    master: null,
    bond: null,
    bridgePorts: null,
    vlan: null,
    receivedBytes: 0,
    sentBytes: 0,
    errors: 0,
  };
}

function mapped<T>(reading: Reading<T>, change: (value: T) => T): Reading<T> {
  return reading.state === "missing" ? reading : { ...reading, value: change(reading.value) };
}
