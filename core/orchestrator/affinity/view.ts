import { type AffinityPolicy, isApart } from "../../model/cloud/affinity.ts";
import { listed, shown } from "../../model/quote.ts";

/* What an affinity group says to the hosts that one of its machines could be placed on. Pure. */

export type AffinityView = {
  name: string;
  policy: AffinityPolicy;
  /** How many other machines of the group count on a host, by its uuid. */
  on: ReadonlyMap<string, number>;
  /** How many that are off were on a host the last time. */
  rest: ReadonlyMap<string, number>;
  /** What those take that have still to come to the host of a group that is together. */
  toCome: { cpuNum: number; memorySizes: readonly number[] };
  /** A machine of it can't be read: nobody knows where it is. */
  isUnclear: boolean;
};

/** Why a machine of the group can't be on a host; undefined when it can. */
export function affinityReason(
  view: AffinityView,
  hostUuid: string,
  nameOf: (uuid: string) => string,
): string | undefined {
  const { name, policy, on, isUnclear } = view;
  const group = `its affinity group ${shown(name)} (${policy})`;
  if (policy === "antiHard") return on.has(hostUuid) ? `${group} has a machine on it` : undefined;
  if (policy !== "proHard") return undefined;
  if (isUnclear) return `the record of a machine of ${group} can't be read`;
  const isWithAll = [...on.keys()].every((each) => each === hostUuid);
  return isWithAll ? undefined : `${group} has its machines on ${listed([...on.keys()].map(nameOf))}`;
}

/**
 * How much the group wants a host, the first number counting most: apart, where the fewest of it are; together, where the
 * most are, and there is room for the rest. @param hasRoomForAll whether what is to come fits there, too
 */
export function affinityWeights(view: AffinityView, hostUuid: string, hasRoomForAll: () => boolean): number[] {
  const [on, rest] = [view.on.get(hostUuid) ?? 0, view.rest.get(hostUuid) ?? 0];
  return isApart(view.policy) ? [-on, -rest] : [on, Number(hasRoomForAll()), rest];
}
