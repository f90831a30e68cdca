import type { Duplex } from "node:stream";
import type { HostAnswer, HostCommandRequest } from "../../api/host/contract.ts";
import type {
  HypervisorDriver,
  ImageCache,
  MachineReport,
  StoragePlace,
  StorageRoom,
} from "../../hypervisor/driver.ts";
import type { ByteRange, VolumePiece } from "../../hypervisor/export-commands.ts";
import { noImages } from "../../hypervisor/none.ts";
import type { LockProbe, LockState } from "../../hypervisor/shared-storage.ts";
import type { VolumeFigures, VolumePlace } from "../../hypervisor/volume-commands.ts";
import type { LogRange } from "../../model/archives.ts";
import type { ConsoleKind } from "../../model/cloud/console.ts";
import type { HostReport } from "../../orchestrator/host-link.ts";
import type { HostChanges } from "./changes.ts";
import type { HostCommands } from "./commands.ts";
import { hostReport, type ReportSources } from "./report.ts";

/** This host's logs, as the manager fetches them. */
export interface HostLogs {
  collect(range: LogRange): string;
  state(id: string): Promise<HostAnswer<"logCollection">>;
  piece(name: string, offset: number): Promise<Buffer>;
}

/** What this host can do for the manager. */
export interface HostWork {
  report(): Promise<HostReport>;
  machines(): Promise<MachineReport[]>;
  /** As {@link HostChanges.next}. */
  changed(known: string | null, holdMs: number, signal: AbortSignal): Promise<string>;
  storage(place: StoragePlace): Promise<StorageRoom>;
  /** As {@link SharedStorages.lock}. */
  storageLock(probe: LockProbe): Promise<LockState>;
  /** As {@link SharedStorages.keepOnly}. */
  keepStorages(uuids: readonly string[]): Promise<void>;
  /** As the driver's own. */
  openConsole(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex>;
  volume(place: VolumePlace): Promise<VolumeFigures>;
  /** As {@link HypervisorDriver.volumePiece}. */
  volumePiece(path: string, range: ByteRange): Promise<VolumePiece>;
  readonly images: ImageCache;
  readonly logs: HostLogs;
  /** Carries a command out, once for each `id`. @throws NodeError why it was not done */
  carryOut(request: HostCommandRequest): Promise<void>;
  /** As {@link HypervisorDriver.admit}. */
  admit?: HypervisorDriver["admit"] | undefined;
}

/** The work of a host with this driver. `commands` has the same one. */
export function hostWork(
  sources: ReportSources,
  commands: HostCommands,
  logs: HostLogs,
  changes: HostChanges,
): HostWork {
  return {
    changed: (known, holdMs, signal) => changes.next(known, holdMs, signal),
    openConsole: (uuid, kind, signal) => sources.driver.openConsole(uuid, kind, signal),
    report: () => hostReport(sources),
    machines: () => commands.machines(),
    logs,
    images: sources.driver.images ?? noImages,
    storage: (place) => commands.storage(place),
    storageLock: (probe) => commands.storageLock(probe),
    keepStorages: (uuids) => commands.keepStorages(uuids),
    volume: (place) => commands.volume(place),
    volumePiece: (path, range) => commands.volumePiece(path, range),
    carryOut: (request) => commands.carryOut(request),
    admit: sources.driver.admit?.bind(sources.driver),
  };
}
