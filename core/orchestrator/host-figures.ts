import { charged } from "../model/cloud/capacity.ts";
import { reservedMemory } from "../model/cloud/setting-values.ts";
import { vmStates } from "../model/cloud/vm-states.ts";
import { type FiguresView, settingOf } from "./figures-view.ts";
import type { RecordOf } from "./kinds.ts";
import type { MirrorChange } from "./mirror.ts";
import { readMigration } from "./vm/migration-record.ts";

type Host = RecordOf<"Host">;
type Machine = RecordOf<"VmInstance">;
export type HostFigures = Pick<Host, "cpuUsed" | "memoryUsed" | "memoryReserved">;

const chargedStates: ReadonlySet<string> = new Set(
  Object.entries(vmStates).flatMap(([state, { charged: isCharged }]) => (isCharged ? [state] : [])),
);

type Charged = Pick<Machine, "hostUuid" | "state" | "cpuNum" | "memorySize">;

/** What the destination of a move keeps, besides what the host of the machine's record does. */
function comingOf(value: unknown): Charged | undefined {
  const migration = readMigration(value);
  if (migration === undefined) return undefined;
  const { destinationUuid: hostUuid, cpuNum, memorySize } = migration;
  return { hostUuid, state: "Migrating", cpuNum, memorySize };
}

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
    this.#addAll();
  }

  /** Takes in what a transaction changed; gives the hosts whose figures may differ now. */
  follow(changes: readonly MirrorChange[]): Set<string> {
    const hosts = new Set<string>();
    let isForAll = false;
    for (const { kind, key, before, after } of changes)
      if (kind === "VmInstance" || kind === "Migration") {
        for (const [record, sign] of [
          [before, -1],
          [after, 1],
        ] as const) {
          const machine = kind === "VmInstance" ? (record?.value as Machine | undefined) : comingOf(record?.value);
          const hostUuid = machine === undefined ? null : this.#add(machine, sign);
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
      this.#addAll();
    }
    this.#reserved = settingOf(this.#view, reserved);
    // Of places, only their tags count; a new one has no hosts yet.
    return changes.some(({ kind, before }) => kind === "GlobalConfig" || (before !== undefined && kind !== "Host"));
  }

  #addAll(): void {
    for (const { value } of this.#view.all("VmInstance")) this.#add(value, 1);
    for (const { value } of this.#view.all("Migration")) {
      const coming = comingOf(value);
      if (coming !== undefined) this.#add(coming, 1);
    }
  }

  /** The host that is charged; null when none is. */
  #add({ hostUuid, state, cpuNum, memorySize }: Charged, sign: 1 | -1): string | null {
    if (hostUuid === null || !chargedStates.has(state)) return null;
    const sum = this.#sums.get(hostUuid) ?? { cpu: 0, memory: 0 };
    sum.cpu += sign * cpuNum;
    sum.memory += sign * charged(memorySize, this.#ratio);
    if (sum.cpu === 0 && sum.memory === 0) this.#sums.delete(hostUuid);
    else this.#sums.set(hostUuid, sum);
    return hostUuid;
  }
}
