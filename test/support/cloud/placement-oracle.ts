import { charged, cpuCapacity } from "../../../core/model/cloud/capacity.ts";

/*
 * What placing has to come to, said in another way than the code does: all is worked out anew from the whole, and every
 * host is tried. Nothing of the code that places is used here but the sums of capacity.
 */

export type Policy = "antiSoft" | "antiHard" | "proSoft" | "proHard";
export type OracleHost = {
  uuid: string;
  clusterUuid: string;
  usable: boolean;
  leaving: boolean;
  threads: number;
  memoryBytes: number;
  reservedBytes: number;
  tags: readonly string[];
  storageFreeBytes: number;
};
export type OracleMachine = {
  uuid: string;
  groupUuid: string | null;
  cpuNum: number;
  memorySize: number;
  /** Hosts that keep room for it. */
  hosts: readonly string[];
  lastHostUuid: string | null;
};
export type OracleGroup = { uuid: string; policy: Policy; enabled: boolean };

export type OracleWorld = {
  hosts: readonly OracleHost[];
  machines: readonly OracleMachine[];
  groups: readonly OracleGroup[];
  ratios: { cpu: number; memory: number };
};

export function freeOn({ machines, ratios }: OracleWorld, host: OracleHost): { cpu: number; memory: number } {
  const here = machines.filter(({ hosts }) => hosts.includes(host.uuid));
  const cpu = here.reduce((left, { cpuNum }) => left - cpuNum, cpuCapacity(host.threads, ratios.cpu));
  const memory = here.reduce(
    (left, { memorySize }) => left - charged(memorySize, ratios.memory),
    host.memoryBytes - host.reservedBytes,
  );
  return { cpu, memory };
}

function leavingOf({ hosts }: OracleWorld): Set<string> {
  return new Set(hosts.filter((each) => each.leaving).map(({ uuid }) => uuid));
}

/** Everything that must never be, in words; empty when all is well. */
export function faultsOf(world: OracleWorld): string[] {
  const faults: string[] = [];
  const leaving = leavingOf(world);
  for (const host of world.hosts) {
    const { cpu, memory } = freeOn(world, host);
    if (cpu < 0) faults.push(`${host.uuid} has promised ${-cpu} processors too many`);
    if (memory < 0) faults.push(`${host.uuid} has promised ${-memory} bytes too many`);
  }
  for (const group of world.groups) {
    if (!group.enabled) continue;
    const on = world.machines.filter(({ groupUuid, hosts }) => groupUuid === group.uuid && hosts.length > 0);
    const places = on.flatMap(({ hosts }) => hosts);
    // What is on a host that is being freed follows the others.
    const staying = on
      .map(({ hosts }) => hosts.filter((host) => !leaving.has(host)))
      .filter((hosts) => hosts.length > 0);
    if (group.policy === "antiHard" && new Set(places).size < places.length)
      faults.push(`${group.uuid} (antiHard) has two machines on one host`);
    if (group.policy === "proHard" && staying.length > 1 && new Set(staying.flat()).size > 1)
      faults.push(`${group.uuid} (proHard) is on several hosts`);
  }
  return faults;
}

export type OracleWish = OracleMachine & {
  wantedHostUuid: string | null;
  exceptHostUuid: string | null;
  /** The host whose own disks have its volume. */
  boundHostUuid: string | null;
  clusterUuid: string | null;
  required: readonly string[];
  preferred: readonly string[];
  rootBytes: number;
};

/** The hosts that a machine may get, of which each is as good as the others. Empty: none. */
export function bestFor(world: OracleWorld, wish: OracleWish): string[] {
  const group = world.groups.find(({ uuid, enabled }) => enabled && uuid === wish.groupUuid);
  const others = world.machines.filter(({ uuid, groupUuid }) => uuid !== wish.uuid && groupUuid === wish.groupUuid);
  const leaving = leavingOf(world);
  const isApart = group?.policy.startsWith("anti") === true;
  const placesOf = ({ hosts }: OracleMachine) => (isApart ? hosts : hosts.filter((host) => !leaving.has(host)));
  const fitting = world.hosts.filter((host) => {
    const { cpu, memory } = freeOn(world, host);
    const places = new Set(group === undefined ? [] : others.flatMap(placesOf));
    return (
      host.usable &&
      (wish.wantedHostUuid ?? host.uuid) === host.uuid &&
      (wish.boundHostUuid ?? host.uuid) === host.uuid &&
      (wish.clusterUuid ?? host.clusterUuid) === host.clusterUuid &&
      wish.exceptHostUuid !== host.uuid &&
      wish.required.every((tag) => host.tags.includes(tag)) &&
      wish.cpuNum <= cpu &&
      charged(wish.memorySize, world.ratios.memory) <= memory &&
      (wish.rootBytes === 0 || wish.rootBytes <= host.storageFreeBytes) &&
      !(group?.policy === "antiHard" && places.has(host.uuid)) &&
      !(group?.policy === "proHard" && [...places].some((place) => place !== host.uuid))
    );
  });
  const among = (score: (host: OracleHost) => number) => (hosts: OracleHost[]) => {
    const most = Math.max(...hosts.map(score));
    return hosts.filter((host) => score(host) === most);
  };
  const count = (host: OracleHost) => others.filter((each) => placesOf(each).includes(host.uuid)).length;
  const missing = others.filter((each) => placesOf(each).length === 0);
  const roomForRest = (host: OracleHost) => {
    const { cpu, memory } = freeOn(world, host);
    const bytes = [wish, ...missing].reduce((sum, each) => sum + charged(each.memorySize, world.ratios.memory), 0);
    return Number([wish, ...missing].reduce((sum, each) => sum + each.cpuNum, 0) <= cpu && bytes <= memory);
  };
  const resting = others.filter(({ hosts }) => hosts.length === 0);
  const rest = ({ uuid }: OracleHost) => resting.filter(({ lastHostUuid }) => lastHostUuid === uuid).length;
  const [few, fewResting] = [(host: OracleHost) => -count(host), (host: OracleHost) => -rest(host)];
  const wishes = [
    ...(group === undefined ? [] : isApart ? [few, fewResting] : [count, roomForRest, rest]),
    ({ tags }: OracleHost) => wish.preferred.filter((tag) => tags.includes(tag)).length,
    ({ uuid }: OracleHost) => Number(uuid === wish.lastHostUuid),
    (host: OracleHost) => freeOn(world, host).memory,
  ];
  return wishes
    .reduce((left, score) => (left.length === 0 ? left : among(score)(left)), fitting)
    .map(({ uuid }) => uuid);
}
