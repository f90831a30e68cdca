import { isApart } from "../../model/cloud/affinity.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { type AffinityGroup, hostsOf } from "./members.ts";
import type { AffinityView } from "./view.ts";

/**
 * Of a machine that is placed. `comes`: whether the host keeps CPU and memory for it from then on. One that is only defined
 * breaks no rule by that: where its group leaves room is preferred, for on local storage it can start there only.
 */
export type Placed = {
  uuid: string;
  affinityGroupUuid: string | null;
  cpuNum: number;
  memorySize: number;
  comes: "running" | "stopped" | "defined";
};

/** Where a machine is by what this round has decided, which no record says yet. */
type Place = { hosts: readonly string[]; lastHostUuid: string | null; cpuNum: number; memorySize: number };

/**
 * Where the machines of affinity groups are while several are placed in one transaction. Placements see each other by
 * this and by the record that all of them write; calls that change a group, by the group's record.
 */
export class AffinityPlaces {
  readonly #tx: Tx;
  readonly #decided = new Map<string, Place>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** The others of its group; null without one whose rule holds. @throws SYS.1060 when the group can't be read */
  viewFor({ uuid, affinityGroupUuid }: Placed): AffinityView | null {
    const group = affinityGroupUuid === null ? undefined : this.#tx.get("AffinityGroup", affinityGroupUuid);
    if (group === undefined || group.state !== "Enabled") return null;
    return this.#view(group, uuid);
  }

  /** Takes in where a machine was placed. Gives what takes that back. */
  note({ uuid, cpuNum, memorySize, comes }: Placed, hostUuid: string): () => void {
    const before = this.#placeOf(uuid);
    const former = this.#decided.get(uuid);
    const hosts = comes === "running" ? [...new Set([...(before?.hosts ?? []), hostUuid])] : (before?.hosts ?? []);
    this.#decided.set(uuid, { hosts, lastHostUuid: hostUuid, cpuNum, memorySize });
    return () => {
      if (former === undefined) this.#decided.delete(uuid);
      else this.#decided.set(uuid, former);
    };
  }

  #placeOf(uuid: string): Place | undefined {
    const decided = this.#decided.get(uuid);
    if (decided !== undefined) return decided;
    const machine: RecordOf<"VmInstance"> | undefined = this.#tx.peek("VmInstance", uuid);
    if (machine === undefined) return undefined;
    const { lastHostUuid, cpuNum, memorySize } = machine;
    return { hosts: hostsOf(machine, this.#tx.peek("Migration", uuid)), lastHostUuid, cpuNum, memorySize };
  }

  #view({ name, policy, vmInstanceUuids }: AffinityGroup, placed: string): AffinityView {
    const [on, rest] = [new Map<string, number>(), new Map<string, number>()];
    const toCome = { cpuNum: 0, memorySizes: [] as number[] };
    let isUnclear = false;
    for (const uuid of vmInstanceUuids) {
      if (uuid === placed) continue;
      if (this.#tx.unreadable.get("VmInstance", uuid) !== undefined) isUnclear = true;
      const place = this.#placeOf(uuid);
      if (place === undefined) continue;
      // A host that is being freed keeps none of a group that stays together: where the first of it went the rest follows.
      const hosts = isApart(policy) ? place.hosts : place.hosts.filter((host) => !this.#isBeingFreed(host));
      for (const host of hosts) on.set(host, (on.get(host) ?? 0) + 1);
      if (hosts.length > 0) continue;
      if (place.lastHostUuid !== null && place.hosts.length === 0)
        rest.set(place.lastHostUuid, (rest.get(place.lastHostUuid) ?? 0) + 1);
      toCome.cpuNum += place.cpuNum;
      toCome.memorySizes.push(place.memorySize);
    }
    return { name, policy, on, rest, toCome, isUnclear };
  }

  #isBeingFreed(hostUuid: string): boolean {
    const state = this.#tx.peek("Host", hostUuid)?.state;
    return state === "PreMaintenance" || state === "Maintenance";
  }
}
