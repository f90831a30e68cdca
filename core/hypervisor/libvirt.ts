import { totalmem } from "node:os";
import type { Duplex } from "node:stream";
import type { ConsoleKind } from "../model/cloud/console.ts";
import type { Machine } from "../node/machine.ts";
import { isDeviceCommand } from "./device-commands.ts";
import type { StoragePlace, StorageRoom } from "./driver.ts";
import { filesOf, type HostCommand, type HypervisorDriver, type MachineReport, type MachineSpec } from "./driver.ts";
import { takesLong } from "./export-commands.ts";
import { Consoles } from "./libvirt/consoles.ts";
import { Devices } from "./libvirt/devices.ts";
import { Disks } from "./libvirt/disks.ts";
import { domainXml } from "./libvirt/domain-xml.ts";
import { exportVolume, readPiece } from "./libvirt/exports.ts";
import { HostNetworks, networksFolder } from "./libvirt/host-networks.ts";
import { guardedImages, HostStorages } from "./libvirt/host-storages.ts";
import { ImageFiles } from "./libvirt/image-files.ts";
import { Kvm } from "./libvirt/kvm.ts";
import { LocalLibvirt } from "./libvirt/local-machines.ts";
import { lookingAfter } from "./libvirt/looking-after.ts";
import { MachineLocks, type MachineLocksOptions } from "./libvirt/machine-locks.ts";
import { type LibvirtMigrationOptions, LibvirtMigrations } from "./libvirt/migration.ts";
import { Power } from "./libvirt/power.ts";
import { SeedFiles } from "./libvirt/seeds.ts";
import { Snapshots } from "./libvirt/snapshots.ts";
import { startError } from "./libvirt/start-error.ts";
import { Virsh } from "./libvirt/virsh.ts";
import { VolumeFiles } from "./libvirt/volume-files.ts";
import type { MigrationVisit, Visitor } from "./migration/way.ts";
import { calledOff, noMemory, notRunning, notSuspended } from "./refusals.ts";
import type { VolumeFigures, VolumePlace } from "./volume-commands.ts";

export type LibvirtOptions = {
  machine: Machine;
  /** Of libvirt's daemon; the system's own unless told. */
  uri?: string | undefined;
  /** Whether the processor runs machines by itself; what the host offers unless told. */
  hasKvm?: boolean;
  /** Bytes that machines may have altogether; all of this computer's unless told. */
  memoryBytes?: number;
  /** How long a guest has to shut down for a reboot; a minute unless told. */
  rebootGraceMs?: number;
  /** Where a file of libvirt's is for this process: the same unless told, for a libvirt with a file tree of its own. */
  seen?: (path: string) => string;
  /** Where network storages are mounted; {@link networkStorageFolder} unless told. */
  storagesFolder?: string;
  /** Where the agent notes its shared mount points; without it they are forgotten with its end. */
  mountPoints?: string;
  /** Where the networks of its machines have their files; {@link networksFolder} unless told. */
  networksFolder?: string;
  /** How machines go to other hosts, and where the sockets for that are. */
  migration?: Pick<LibvirtMigrationOptions, "dial" | "folder">;
  /** How machines are locked where QEMU's own locks do not reach other hosts. */
  locks?: Omit<MachineLocksOptions, "machine">;
};

/** Of what is done whether or not the command was called off. */
const neverOff = new AbortController().signal;

/**
 * Virtual machines by libvirt and QEMU. libvirt keeps what is known of them, this driver nothing: an agent that is
 * started anew has the same machines. QEMU's own locks keep a volume from being opened twice, on shared storage too.
 */
export class LibvirtDriver implements HypervisorDriver {
  readonly name = "libvirt";
  readonly #options: LibvirtOptions;
  readonly images: NonNullable<HypervisorDriver["images"]>;
  readonly shared: HostStorages;
  readonly local: LocalLibvirt;
  readonly #imageFiles = new ImageFiles();
  readonly #virsh: Virsh;
  readonly #power: Power;
  readonly #volumes: VolumeFiles;
  readonly #consoles: Consoles;
  readonly #seeds: SeedFiles;
  readonly #networks: HostNetworks;
  readonly #disks: Disks;
  readonly #devices: Devices;
  readonly #snapshots: Snapshots;
  readonly #migrations: LibvirtMigrations;
  readonly #kvm: Kvm;
  readonly #locks: MachineLocks;
  /** Bytes of machines that are being started, or expected from another host, of which libvirt does not tell yet. */
  readonly #starting = new Map<string, number>();

  constructor(options: LibvirtOptions) {
    const { machine, uri, storagesFolder: root, mountPoints } = options;
    this.#options = options;
    this.#virsh = new Virsh({ machine, uri });
    this.#power = new Power(machine, this.#virsh);
    this.#kvm = new Kvm(machine, options.hasKvm);
    this.#locks = new MachineLocks({ machine, ...options.locks });
    this.#volumes = new VolumeFiles(machine, this.#locks);
    this.shared = new HostStorages(machine, { root, mountPoints, locks: this.#locks });
    this.images = guardedImages(this.#imageFiles, this.shared);
    this.#consoles = new Consoles(this.#virsh, options.seen);
    this.#seeds = new SeedFiles({ ...options, machines: () => this.machines(neverOff), coming: this.#starting });
    this.local = new LocalLibvirt({ machine, connection: ["-c", uri ?? "qemu:///system"], consoles: this.#consoles });
    this.#networks = new HostNetworks({ machine, folder: options.networksFolder ?? networksFolder });
    this.#disks = new Disks({ machine, virsh: this.#virsh, volumes: this.#volumes });
    this.#devices = new Devices({ machine, virsh: this.#virsh, volumes: this.#volumes, networks: this.#networks });
    this.#snapshots = new Snapshots({ virsh: this.#virsh, volumes: this.#volumes, disks: this.#disks });
    this.#migrations = new LibvirtMigrations({
      ...{ machine, virsh: this.#virsh, volumes: this.#volumes, socket: socketOf(uri), ...options.migration },
      reserve: (spec, signal) => this.#expecting(spec, signal),
      release: (uuid) => this.#expectsNoMore(uuid),
    });
  }

  /** What the computer could do and which tools it has is found out by the agent's report. */
  async tags(signal: AbortSignal): Promise<string[]> {
    return [`libvirt::version::${await this.#virsh.version(signal)}`];
  }

  async machines(signal: AbortSignal): Promise<MachineReport[]> {
    const domains = await this.#virsh.domains(signal);
    const reports = await this.#migrations.marked(domains, signal);
    if (!reports.some(({ state }) => state === "stopped")) return reports;
    const saved = await this.#virsh.saved(signal);
    const isSaved = ({ state, uuid }: MachineReport) => state === "stopped" && saved.has(uuid);
    return reports.map((one) => (isSaved(one) ? { ...one, state: "suspended" } : one));
  }

  admit(visit: MigrationVisit, signal: AbortSignal): Promise<Visitor> {
    return this.#migrations.admit(visit, signal);
  }

  watch(changed: () => void, signal: AbortSignal): void {
    const settle = lookingAfter(this.#options.machine, () => this.#settle(signal), signal);
    void this.#virsh.events(() => {
      settle();
      changed();
    }, signal);
  }

  /**
   * What machines need of this host's networks is there, and nothing else. Whatever keeps it from that now, libvirt for
   * instance, is met again with the next start of a machine, which tells of it.
   */
  async #settle(signal: AbortSignal): Promise<void> {
    await this.#networks.settle(() => this.machines(signal)).catch(() => undefined);
    await this.#seeds.settle();
  }

  storage(place: StoragePlace, signal: AbortSignal): Promise<StorageRoom> {
    return this.shared.room(place, signal);
  }

  async volume(place: VolumePlace): Promise<VolumeFigures> {
    await this.shared.require([place.path]);
    return await this.#volumes.figures(place);
  }

  readonly volumePiece: NonNullable<HypervisorDriver["volumePiece"]> = async (path, range) =>
    this.shared.require([path]).then(() => readPiece(this.#volumes, path, range));

  async carryOut(command: HostCommand, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw calledOff();
    await this.shared.require(filesOf(command));
    if (signal.aborted) throw calledOff();
    if (isDeviceCommand(command)) return await this.#devices.carryOut(command, signal);
    if (takesLong(command))
      return await exportVolume({ machine: this.#options.machine, volumes: this.#volumes }, command, signal);
    switch (command.do) {
      case "createVolume":
        return await this.#volumes.create(command);
      case "createVolumeFromImage":
        return await this.#volumes.createFromImage(command);
      case "deleteVolume":
        return await this.#volumes.delete(command.path);
      case "keepImage":
        return await this.#imageFiles.keep(command, signal);
      case "deleteCachedImage":
        await this.#devices.drives.requireUnused(command.path);
        return await this.#imageFiles.delete(command.path);
      case "startMachine":
        return await this.#start(command.machine, signal);
      case "stopMachine":
        return await this.#stop(command.uuid, command.graceMs, signal);
      case "rebootMachine":
        return await this.#reboot(command.uuid, signal);
      case "pauseMachine":
        return await this.#change(command.uuid, { from: "running", to: "paused" }, signal);
      case "resumeMachine":
        return await this.#change(command.uuid, { from: "paused", to: "running" }, signal);
      case "suspendMachine":
        return await this.#suspend(command.uuid, signal);
      case "restoreMachine":
        return await this.#restore(command.machine, signal);
      case "removeMachine":
        return await this.#remove(command.uuid, signal);
      case "setFirewall":
        return await this.#networks.setFirewall(command);
      case "attachVolume":
        return await this.#disks.attach(command, signal);
      case "detachVolume":
        return await this.#disks.detach(command, signal);
      case "resizeVolume":
        return await this.#disks.resize(command, signal);
      case "snapshotVolume":
        return await this.#snapshots.take(command, signal);
      case "deleteSnapshot":
        return await this.#snapshots.delete(command, signal);
      case "revertVolume":
        return await this.#snapshots.revert(command, signal);
      default:
        await this.#consoles.moving(command, () => this.#migrations.carryOut(command, signal));
        return await this.#seeds.settle();
    }
  }

  async openConsole(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex> {
    if (!(await this.#power.isOn(uuid, signal))) throw notRunning(uuid);
    return await this.#consoles.open(uuid, kind, signal);
  }

  async #start(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const { uuid, disks } = spec;
    const known = await this.#find(uuid, signal);
    if (known !== undefined && known !== "stopped") return;
    for (const disk of disks) await this.#volumes.require(disk);
    await this.#devices.drives.require(spec.isos);
    const [hasKvm, lock] = await Promise.all([this.#kvm.isThere(), this.#locks.of(spec)]);
    await this.#holding(spec, signal, async () => {
      if (signal.aborted) throw calledOff();
      await this.#consoles.prepare(uuid);
      const start = (bridges: ReadonlyMap<number, string>) =>
        this.#defineAndStart(spec, domainXml(spec, { hasKvm, bridges, lock }), known, signal);
      await this.#seeds.starting(spec, () => this.#onNetworks(() => this.#networks.starting(uuid, spec.nics, start)));
    });
  }

  /** Starts a machine on its networks, of which nothing is left when it has not started. */
  async #onNetworks(start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      await this.#settle(neverOff);
      throw error;
    }
  }

  async #defineAndStart(
    spec: MachineSpec,
    xml: string,
    known: MachineReport["state"] | undefined,
    signal: AbortSignal,
  ) {
    const { uuid } = spec;
    if (signal.aborted) throw calledOff();
    await this.#virsh.define(xml);
    try {
      if (signal.aborted) throw calledOff();
      await this.#virsh.start(uuid);
    } catch (error) {
      // What was not known before is not known afterwards.
      if (known === undefined) await this.#virsh.undefine(uuid).catch(() => undefined);
      throw startError(error, spec);
    }
  }

  /** Keeps the memory of a machine for it while it is being started. @throws HYPERVISOR.NO_MEMORY */
  async #holding(spec: MachineSpec, signal: AbortSignal, start: () => Promise<void>): Promise<void> {
    await this.#reserve(spec, signal);
    try {
      await start();
    } finally {
      this.#starting.delete(spec.uuid);
    }
  }

  /** @throws HYPERVISOR.NO_MEMORY, HYPERVISOR.NETWORK_* */
  async #expecting(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    await this.#devices.drives.require(spec.isos);
    await this.#reserve(spec, signal);
    const ready = () => this.#networks.expecting(spec.uuid, spec.nics);
    await this.#seeds.starting(spec, ready).catch((error: unknown) => {
      this.#starting.delete(spec.uuid);
      throw error;
    });
  }

  #expectsNoMore(uuid: string): void {
    this.#starting.delete(uuid);
    this.#networks.arrived(uuid);
    void this.#settle(neverOff);
  }

  /** @throws HYPERVISOR.NO_MEMORY */
  async #reserve({ uuid, name, memorySize }: MachineSpec, signal: AbortSignal): Promise<void> {
    const domains = await this.#virsh.domains(signal);
    const running = domains.filter((each) => each.state !== "stopped" && !this.#starting.has(each.uuid));
    const used = [...running.map(({ memoryBytes }) => memoryBytes), ...this.#starting.values()];
    const freeBytes = used.reduce((free, bytes) => free - bytes, this.#options.memoryBytes ?? totalmem());
    if (memorySize > freeBytes) throw noMemory(name, memorySize, freeBytes);
    this.#starting.set(uuid, memorySize);
  }

  async #stop(uuid: string, graceMs: number, signal: AbortSignal): Promise<void> {
    if (!(await this.#power.isOn(uuid, signal))) return;
    if (graceMs === 0 || !(await this.#power.hasShutDown(uuid, graceMs, signal))) await this.#power.switchOff(uuid);
    await this.#settle(neverOff);
  }

  async #reboot(uuid: string, signal: AbortSignal): Promise<void> {
    const state = await this.#find(uuid, signal);
    if (state === undefined) throw notRunning(uuid);
    // One that is off was switched off by an attempt which the agent did not live to end.
    if (state !== "stopped") {
      const isOff = await this.#power
        .hasShutDown(uuid, this.#options.rebootGraceMs ?? 60_000, signal)
        .catch((error: unknown) => {
          // The button is pressed: whoever calls it off now has it on again at once. That libvirt does not answer is no
          // reason to take the power from a guest.
          if (signal.aborted) return false;
          throw error;
        });
      if (!isOff) await this.#power.switchOff(uuid);
    }
    await this.#onNetworks(() => this.#networks.startingAgain(uuid, () => this.#virsh.start(uuid)));
  }

  /** Pauses or resumes; what it is already, it stays. @throws HYPERVISOR.NOT_RUNNING */
  async #change(uuid: string, { from, to }: Record<"from" | "to", "running" | "paused">, signal: AbortSignal) {
    const state = await this.#find(uuid, signal);
    if (state === to) return;
    if (state !== from) throw notRunning(uuid);
    await (to === "paused" ? this.#virsh.suspend(uuid) : this.#virsh.resume(uuid));
  }

  /** What libvirt began it ends, whoever calls it off: it can take minutes. */
  async #suspend(uuid: string, signal: AbortSignal): Promise<void> {
    const domain = await this.#virsh.domain(uuid, signal);
    if (domain === undefined) throw notRunning(uuid);
    if (domain.state !== "stopped") {
      await this.#virsh.save(domain);
      await this.#settle(neverOff);
      return;
    }
    if (!(await this.#virsh.saved(signal)).has(uuid)) throw notRunning(uuid);
  }

  /** It goes on with what it was saved with: what is defined of it since says nothing for it. */
  async #restore(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const { uuid, disks } = spec;
    if (await this.#power.isOn(uuid, signal)) return;
    if (!(await this.#virsh.saved(signal)).has(uuid)) throw notSuspended(uuid);
    for (const disk of disks) await this.#volumes.require(disk);
    await this.#holding(spec, signal, async () => {
      if (signal.aborted) throw calledOff();
      await this.#consoles.prepare(uuid);
      // Its cards go onto the bridges that they were on when it was saved.
      const restore = () => this.#virsh.restore(uuid, spec.memorySize);
      const start = () => this.#onNetworks(() => this.#networks.starting(uuid, spec.nics, restore));
      await this.#seeds.starting(spec, start).catch((error: unknown) => {
        throw startError(error, spec);
      });
    });
  }

  async #remove(uuid: string, signal: AbortSignal): Promise<void> {
    const state = await this.#find(uuid, signal);
    if (state === undefined) return;
    if (state !== "stopped") await this.#power.switchOff(uuid);
    await this.#virsh.undefine(uuid);
    await this.#consoles.forget(uuid);
    await this.#settle(neverOff);
  }

  async #find(uuid: string, signal: AbortSignal): Promise<MachineReport["state"] | undefined> {
    return (await this.#virsh.domain(uuid, signal))?.state;
  }
}

/** Where libvirt's daemon listens, of an URI that may say so. */
function socketOf(uri: string | undefined): string {
  return new URLSearchParams(uri?.split("?")[1] ?? "").get("socket") ?? "/run/libvirt/libvirt-sock";
}
