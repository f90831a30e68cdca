import { chmod, chown, mkdir, rm, stat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import { type Machine, sleep } from "../../node/machine.ts";
import type { HostCommand, MachineReport, MachineSpec } from "../driver.ts";
import type { CopiedDisk } from "../migration/commands.ts";
import { ExpectedMachines } from "../migration/expected.ts";
import { migrationCancelled, migrationFailed, noWay, runsHere } from "../migration/refusals.ts";
import { type Dial, joined, type MigrationChannel, type MigrationVisit, type Visitor } from "../migration/way.ts";
import { calledOff, notRunning, noVolume } from "../refusals.ts";
import { areRenamed, arrived, makeComing, xmlThere } from "./coming-volumes.ts";
import type { Domain, Virsh, WayThere } from "./virsh.ts";
import type { VolumeFiles } from "./volume-files.ts";

/*
 * Live migration by libvirt, peer to peer over UNIX sockets: libvirtd and QEMU listen on no network. The source's agent
 * opens the sockets that its libvirtd connects to, and carries each connection to the destination's agent, which joins it
 * to libvirtd's socket and to the one on which the destination's QEMU listens. The path of the latter is the same on both
 * hosts, for libvirt has one URI for both. Source: libvirt's "Migration over UNIX sockets".
 */

export type LibvirtMigrationOptions = {
  machine: Machine;
  virsh: Virsh;
  volumes: VolumeFiles;
  /** Keeps a machine's memory for it. @throws HYPERVISOR.NO_MEMORY */
  reserve: (spec: MachineSpec, signal: AbortSignal) => Promise<void>;
  release: (uuid: string) => void;
  /** Of libvirt's daemon. */
  socket: string;
  /** To other hosts; without it no machine leaves. */
  dial?: Dial | undefined;
  /** Where the sockets are, for this process and as libvirtd and QEMU have it. */
  folder?: { here: string; there: string } | undefined;
};

const usualFolder = "/run/binnacle-migration";
/** The user that Debian's QEMU runs as: it makes a socket of its own in the folder of a machine that comes. */
const qemuUser = "libvirt-qemu";
/** Between two looks at a job that is to end, and how long that may take. */
const [lookMs, jobEndMs] = [200, 60_000];
const connectMs = 10_000;

type MigrationCommand = Extract<
  HostCommand,
  { do: "expectMachine" | "unexpectMachine" | "migrateMachine" | "cancelMigration" | "dropMachine" }
>;
type Of<D extends MigrationCommand["do"]> = Extract<MigrationCommand, { do: D }>;
type Move = { cancel: AbortController; ended: Promise<unknown> };

export class LibvirtMigrations {
  readonly #options: LibvirtMigrationOptions;
  readonly #folder: { here: string; there: string };
  readonly #expected: ExpectedMachines;
  readonly #moves = new Map<string, Move>();

  constructor(options: LibvirtMigrationOptions) {
    this.#options = options;
    this.#folder = options.folder ?? { here: usualFolder, there: usualFolder };
    this.#expected = new ExpectedMachines((delayMs, action) => options.machine.after(delayMs, action));
  }

  async carryOut(command: MigrationCommand, signal: AbortSignal): Promise<void> {
    switch (command.do) {
      case "expectMachine":
        return await this.#expect(command, signal);
      case "unexpectMachine":
        return await this.#unexpect(command.uuid, signal);
      case "migrateMachine":
        return await this.#migrate(command, signal);
      case "cancelMigration":
        return await this.#cancel(command.uuid, signal);
      case "dropMachine":
        return await this.#drop(command.uuid, signal);
    }
  }

  /** How far those are that leave, added to what is told of them. */
  async marked(domains: readonly Domain[], signal: AbortSignal): Promise<MachineReport[]> {
    const reports: MachineReport[] = [];
    for (const { uuid, state, migration } of domains) {
      if (migration !== undefined) reports.push({ uuid, state, migration });
      else if (!this.#moves.has(uuid)) reports.push({ uuid, state });
      else {
        const percent = (await this.#options.virsh.job(uuid, signal).catch(() => undefined))?.percent;
        reports.push({ uuid, state, migration: { way: "out", ...(percent === undefined ? {} : { percent }) } });
      }
    }
    return reports;
  }

  async admit(visit: MigrationVisit, signal: AbortSignal): Promise<Visitor> {
    this.#expected.use(visit);
    const { machineUuid: uuid, channel } = visit;
    if (channel === "go") {
      await this.#options.virsh.resume(uuid);
      return (stream) => void stream.end();
    }
    const path = channel === "control" ? this.#options.socket : join(this.#folder.here, uuid, channel);
    const socket = await reached(path, uuid, signal);
    return (stream) => {
      this.#expected.keep(uuid, stream);
      void joined(stream, socket);
    };
  }

  async #expect(command: Of<"expectMachine">, signal: AbortSignal) {
    const { machine: spec, sourceUuid, tokenHash, aliveMs, copies = [] } = command;
    const { virsh, volumes, reserve, release } = this.#options;
    const { uuid, disks } = spec;
    const known = await this.#find(uuid, signal);
    if (known !== undefined && known.state !== "stopped" && known.migration?.way !== "in") throw runsHere(uuid);
    await this.#unexpect(uuid, signal);
    if (known?.state === "stopped") await virsh.undefine(uuid);
    await makeComing(volumes, spec, copies);
    for (const disk of disks) await volumes.require(disk);
    await reserve(spec, signal);
    const folder = join(this.#folder.here, uuid);
    try {
      if (signal.aborted) throw calledOff();
      await madeFolder(this.#folder.here, folder);
      // Fails where QEMU runs as root, and needs no help then.
      await this.#giveToQemu(folder).catch(() => undefined);
    } catch (error) {
      release(uuid);
      throw error;
    }
    this.#expected.announce({ uuid, sourceUuid, tokenHash, aliveMs, disks: copies.length }, () => {
      release(uuid);
      void rm(folder, { recursive: true, force: true }).catch(() => undefined);
    });
  }

  async #giveToQemu(folder: string): Promise<void> {
    const users = await this.#options.machine.readFile("/etc/passwd");
    const user = new RegExp(`^${qemuUser}:[^:]*:(\\d+):`, "m").exec(users)?.[1];
    if (user !== undefined) await chown(folder, Number(user), (await stat(folder)).gid);
  }

  async #unexpect(uuid: string, signal: AbortSignal): Promise<void> {
    // Without its connections libvirt itself removes a copy that has not come over whole.
    this.#expected.end(uuid);
    const { virsh, machine } = this.#options;
    const until = machine.monotonicMs() + jobEndMs;
    for (;;) {
      const found = await this.#find(uuid, signal);
      if (found === undefined) return;
      if (found.migration?.way !== "in") return await arrived((await virsh.disks(uuid, false, signal)).keys());
      await virsh.destroyIncoming(uuid).catch(() => undefined);
      if (machine.monotonicMs() > until) throw migrationFailed(uuid, "the copy that came over can't be removed");
      await sleep(machine, lookMs, signal);
      if (signal.aborted) throw calledOff();
    }
  }

  async #migrate(command: Of<"migrateMachine">, signal: AbortSignal): Promise<void> {
    const { uuid } = command;
    const { dial } = this.#options;
    if (dial === undefined) throw noWay();
    const cancel = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    // From here on it can be cancelled, also before it is known whether it can begin.
    this.#moves.set(uuid, { cancel, ended });
    try {
      // One that an agent has begun which is no more: nobody carries what it sends.
      await this.#endJob(uuid, signal);
      const found = await this.#find(uuid, signal);
      if (found?.state !== "running" || found.migration !== undefined) throw notRunning(uuid);
      await this.#send(command, dial, cancel.signal, signal);
    } catch (error) {
      throw signal.aborted ? calledOff() : error;
    } finally {
      this.#moves.delete(uuid);
      end();
    }
    // libvirt has done so; a definition that it could not take away would come back with the host's next start.
    if ((await this.#find(uuid, new AbortController().signal).catch(() => undefined))?.state === "stopped")
      await this.#options.virsh.undefine(uuid).catch(() => undefined);
  }

  async #send(
    { uuid, destination, token, bandwidth, copies = [] }: Of<"migrateMachine">,
    dial: Dial,
    cancel: AbortSignal,
    signal: AbortSignal,
  ): Promise<void> {
    const { virsh } = this.#options;
    const stopping = AbortSignal.any([signal, cancel]);
    const folder = join(this.#folder.here, uuid);
    const open = (channel: MigrationChannel) =>
      dial(
        destination,
        { machineUuid: uuid, token, channel },
        // Once it has gone it is too late to be called off.
        AbortSignal.any([...(channel === "go" ? [] : [stopping]), AbortSignal.timeout(connectMs)]),
      );
    const doors = new Doors(open);
    try {
      await madeFolder(this.#folder.here, folder);
      for (const channel of ["control", "memory"] as const) await doors.listen(join(folder, channel), channel);
      const there = join(this.#folder.there, uuid);
      const way: WayThere = { control: join(there, "control"), memory: join(there, "memory"), bandwidth };
      if (copies.length > 0) {
        await doors.listen(join(folder, "disks"), "disks");
        // QEMU itself connects to this one.
        for (const path of [folder, join(folder, "disks")]) await this.#giveToQemu(path).catch(() => undefined);
        way.copied = { socket: join(there, "disks"), ...(await this.#copied(uuid, copies, stopping)) };
      }
      stopping.throwIfAborted();
      // A guest that writes waits for these: they are of no use to a move that is to end.
      stopping.addEventListener("abort", () => doors.drop("disks"), { once: true });
      const moved = virsh.migrate(uuid, way);
      const over = new AbortController();
      const aborting = this.#abortWhen(stopping, uuid, over.signal);
      await moved.finally(() => over.abort());
      await aborting;
      if (copies.length > 0) await this.#letGoOn(uuid, open);
    } catch (error) {
      doors.close();
      await this.#endJob(uuid, AbortSignal.timeout(jobEndMs));
      if (cancel.aborted) throw migrationCancelled(uuid);
      const said = doors.refusal ?? error;
      throw migrationFailed(uuid, said instanceof NodeError ? String(said.values["said"] ?? said.message) : "", said);
    } finally {
      doors.close();
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  /** What is lost of this is left to the manager, which finds it standing still. */
  async #letGoOn(uuid: string, open: (channel: MigrationChannel) => ReturnType<Dial>): Promise<void> {
    try {
      const found = await this.#find(uuid, AbortSignal.timeout(connectMs));
      if (found === undefined || found.state === "stopped") (await open("go")).destroy();
    } catch {
      return;
    }
  }

  async #copied(uuid: string, copies: readonly CopiedDisk[], signal: AbortSignal) {
    const { virsh } = this.#options;
    const places = await virsh.disks(uuid, true, signal);
    const targets = copies.map(({ from }) => {
      const target = places.get(from);
      if (target === undefined) throw noVolume(from);
      return target;
    });
    if (!areRenamed(copies)) return { targets };
    return { targets, xml: xmlThere(await virsh.portableXml(uuid, signal), copies) };
  }

  /** Ends the job once `stopping` says so, as often as it takes: it may not have begun. Until `over`. */
  async #abortWhen(stopping: AbortSignal, uuid: string, over: AbortSignal): Promise<void> {
    const { machine, virsh } = this.#options;
    if (!stopping.aborted)
      await new Promise<void>((resolve) => {
        stopping.addEventListener("abort", () => resolve(), { once: true });
        over.addEventListener("abort", () => resolve(), { once: true });
      });
    while (!over.aborted) {
      await virsh.abortJob(uuid).catch(() => undefined);
      await sleep(machine, lookMs, over);
    }
  }

  async #cancel(uuid: string, signal: AbortSignal): Promise<void> {
    const move = this.#moves.get(uuid);
    if (move !== undefined) {
      move.cancel.abort();
      await move.ended;
      return;
    }
    await this.#endJob(uuid, signal);
  }

  /** @throws HYPERVISOR.MIGRATION_FAILED when one goes on all the same */
  async #endJob(uuid: string, signal: AbortSignal): Promise<void> {
    const { machine, virsh } = this.#options;
    const until = machine.monotonicMs() + jobEndMs;
    for (;;) {
      if ((await this.#find(uuid, signal)) === undefined) return;
      const job = await virsh.job(uuid, signal);
      if (job?.isOutgoing !== true) return;
      await virsh.abortJob(uuid).catch(() => undefined);
      if (machine.monotonicMs() > until) throw migrationFailed(uuid, "what is under way can't be ended");
      await sleep(machine, lookMs, signal);
      if (signal.aborted) throw calledOff();
    }
  }

  async #drop(uuid: string, signal: AbortSignal): Promise<void> {
    const { virsh } = this.#options;
    const found = await this.#find(uuid, signal);
    if (found === undefined) return;
    if (found.state === "running") throw runsHere(uuid);
    if (found.state === "paused") await virsh.destroy(uuid);
    if ((await this.#find(uuid, signal)) !== undefined) await virsh.undefine(uuid);
  }

  async #find(uuid: string, signal: AbortSignal): Promise<Domain | undefined> {
    return (await this.#options.virsh.domains(signal)).find((each) => each.uuid === uuid);
  }
}

/** Sockets here, each of whose connections is carried to the other host. */
class Doors {
  readonly #open: (channel: MigrationChannel) => ReturnType<Dial>;
  readonly #servers: Server[] = [];
  readonly #sockets = new Map<Socket, MigrationChannel>();
  /** Why the other host did not let in; libvirt would only say that a connection was closed. */
  refusal: unknown;

  constructor(open: (channel: MigrationChannel) => ReturnType<Dial>) {
    this.#open = open;
  }

  async listen(path: string, channel: MigrationChannel): Promise<void> {
    await rm(path, { force: true });
    const server = createServer({ pauseOnConnect: true }, (socket) => void this.#carry(socket, channel));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  /** Ends the connections of one channel. */
  drop(channel: MigrationChannel): void {
    for (const [socket, of] of this.#sockets) if (of === channel) socket.destroy();
  }

  async #carry(socket: Socket, channel: MigrationChannel): Promise<void> {
    this.#sockets.set(socket, channel);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    try {
      const stream = await this.#open(channel);
      if (socket.destroyed) stream.destroy();
      else await joined(socket, stream);
    } catch (error) {
      this.refusal ??= error;
      socket.destroy();
    }
  }
}

async function madeFolder(above: string, folder: string): Promise<void> {
  await mkdir(above, { recursive: true, mode: 0o711 });
  await chmod(above, 0o711);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
}

function reached(path: string, uuid: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, signal: AbortSignal.any([signal, AbortSignal.timeout(connectMs)]) });
    socket.once("error", (error) => reject(migrationFailed(uuid, "the hypervisor there takes no connection", error)));
    socket.once("connect", () => {
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}
