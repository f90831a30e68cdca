import { charged } from "../model/cloud/capacity.ts";
import { reservedMemory } from "../model/cloud/setting-values.ts";
import { vmStates } from "../model/cloud/vm-states.ts";
import { type FiguresView, settingOf } from "./figures-view.ts";
import type { RecordOf } from "./kinds.ts";
import type { MirrorChange } from "./mirror.ts";

type Host = RecordOf<"Host">;
type Machine = RecordOf<"VmInstance">;
export type HostFigures = Pick<Host, "cpuUsed" | "memoryUsed" | "memoryReserved">;

type Sum = { cpu: number; memory: number };

const memoryRatio = "mevoco.overProvisioning.memory";
const reserved = "kvm.reservedMemory";

/**
 * What hosts are charged with, from the machines that are on them: added up while the records come, never stored, so
 * that no two changes of machines meet in the record of their host, and no sum can be wrong for ever.
 */
export class HostSums {
  readonly #view: FiguresView;
  readonly #sums = new Map<string, Sum>();
  #ratio: number;
  #reserved: number;

  /** @param view the records as they were loaded */
  constructor(view: FiguresView) {
    this.#view = view;
    this.#ratio = settingOf(view, memoryRatio);
    this.#reserved = settingOf(view, reserved);
    for (const { value } of view.all("VmInstance")) this.#add(value, 1);
  }

  /** Takes in what a transaction changed; gives the hosts whose figures may differ now. */
  follow(changes: readonly MirrorChange[]): Set<string> {
    const hosts = new Set<string>();
    let isForAll = false;
    for (const { kind, key, before, after } of changes)
      if (kind === "VmInstance") {
        for (const [record, sign] of [
          [before, -1],
          [after, 1],
        ] as const) {
          const hostUuid = record === undefined ? null : this.#add(record.value as Machine, sign);
          if (hostUuid !== null) hosts.add(hostUuid);
        }
      } else if (kind === "Host") hosts.add(key);
      else if (kind === "Zone" || kind === "Cluster" || kind === "GlobalConfig") isForAll = true;
    if (isForAll && this.#hasNewRules(changes)) for (const { value } of this.#view.all("Host")) hosts.add(value.uuid);
    return hosts;
  }

  figures({ uuid, clusterUuid, tags }: Host): HostFigures {
    const { cpu, memory } = this.#sums.get(uuid) ?? { cpu: 0, memory: 0 };
    const cluster = this.#view.get("Cluster", clusterUuid)?.value;
    const zone = cluster === undefined ? undefined : this.#view.get("Zone", cluster.zoneUuid)?.value;
    const levels = { host: tags, cluster: cluster?.tags ?? [], zone: zone?.tags ?? [] };
    return { cpuUsed: cpu, memoryUsed: memory, memoryReserved: reservedMemory(levels, this.#reserved) };
  }

  #hasNewRules(changes: readonly MirrorChange[]): boolean {
    const ratio = settingOf(this.#view, memoryRatio);
    if (ratio !== this.#ratio) {
      this.#ratio = ratio;
      this.#sums.clear();
      for (const { value } of this.#view.all("VmInstance")) this.#add(value, 1);
    }
    this.#reserved = settingOf(this.#view, reserved);
    // Of places, only their tags count; a new one has no hosts yet.
    return changes.some(({ kind, before }) => kind === "GlobalConfig" || (before !== undefined && kind !== "Host"));
  }

  /** The host that is charged; null when none is. */
  #add({ hostUuid, state, cpuNum, memorySize }: Machine, sign: 1 | -1): string | null {
    if (hostUuid === null || !vmStates[state].charged) return null;
    const sum = this.#sums.get(hostUuid) ?? { cpu: 0, memory: 0 };
    sum.cpu += sign * cpuNum;
    sum.memory += sign * charged(memorySize, this.#ratio);
    if (sum.cpu === 0 && sum.memory === 0) this.#sums.delete(hostUuid);
    else this.#sums.set(hostUuid, sum);
    return hostUuid;
  }
}
