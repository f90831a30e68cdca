import type { Duplex } from "node:stream";
import { agentFailed } from "../../../core/api/host/errors.ts";
import type { ConsoleLink } from "../../../core/console/viewer.ts";
import type { HypervisorDriver, StorageRoom } from "../../../core/hypervisor/driver.ts";
import { migrationFailed } from "../../../core/hypervisor/migration/refusals.ts";
import type { Dial } from "../../../core/hypervisor/migration/way.ts";
import { noImages, noPiece, noShared } from "../../../core/hypervisor/none.ts";
import { type SharedStorage, SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { CloudError, refusalOf } from "../../../core/model/cloud/refusal.ts";
import { NodeError } from "../../../core/model/error.ts";
import { HostChanges } from "../../../core/node/host/changes.ts";
import {
  type HostAddress,
  type HostDoor,
  type HostLink,
  type HostReport,
  hostProtocol,
  type JoinRequest,
  type WatchOptions,
} from "../../../core/orchestrator/host-link.ts";
import { visited } from "./wire.ts";

/* Hosts in the test's own process: simulated hypervisors behind the interface of the manager's link, without a network. */

type TestHost = {
  driver: SimulatedDriver;
  /** Works in its place. */
  real?: HypervisorDriver;
  changes?: HostChanges;
  /** How it is known to the cloud; undefined before it has joined. */
  uuid: string | undefined;
  isReachable: boolean;
  /** It has a storage together with other ones of these hosts. */
  isSharing?: boolean;
  /** What it says of its hypervisor in place of the truth. */
  claims?: HostReport["driver"];
  cpuModel?: string;
  /** The version of its agent's protocol, unless it is this one. */
  protocol?: number;
};

type NewHost = { memoryBytes?: number; cpuThreads?: number; shared?: SharedStorage };

/** Of what a host shows: its own certificate before it has joined, that of its cloud from then on. */
function fingerprintOf(uuid: string | undefined): string {
  const digits = (uuid ?? "ab".repeat(16)).toUpperCase();
  return [...`${digits}${digits}`.matchAll(/../g)].map(([pair]) => pair).join(":");
}

export const hostPassword = "correct horse battery";

/** Hosts by their address. */
export class TestHosts {
  /** What root of each host is known by. */
  readonly password: string;
  readonly hosts = new Map<string, TestHost>();
  /** Holds up what a host is asked for until it resolves: `10.0.0.2 join`, `10.0.0.2 stopMachine`. */
  hold: (what: string, signal: AbortSignal) => Promise<void> = async () => {};
  /** What a host has of each storage. */
  room = (_host: HostAddress): StorageRoom => ({ totalBytes: 1024 ** 4, availableBytes: 1024 ** 4 });
  /** Whether what a host answers gets lost: `10.0.0.2 stopMachine`. */
  isAnswerLost = (_what: string): boolean => false;
  /** Whether two hosts do not reach each other. */
  isCut = (_one: string, _other: string): boolean => false;
  onStream = (_stream: Duplex): void => {};
  /** Open ones between hypervisors. */
  readonly streams = new Set<Duplex>();
  /** Commands that hosts were given, in their order. */
  readonly commands: string[] = [];
  /** Steps of tries of locks, in their order. */
  readonly locks: string[] = [];
  /** Pieces of images that hosts were brought: host, content and offset. */
  readonly pieces: string[] = [];

  constructor(password = hostPassword) {
    this.password = password;
  }

  async add(
    address: string,
    { memoryBytes = 64 * 1024 ** 3, cpuThreads = 16, shared }: NewHost = {},
  ): Promise<SimulatedDriver> {
    const driver = await SimulatedDriver.open({
      bootId: `boot-of-${address}`,
      dial: this.dialFrom(address),
      ...(shared === undefined ? {} : { shared }),
      capacity: { cpuThreads, memoryBytes },
      latencyMs: () => 0,
      announce: () => undefined,
    });
    this.hosts.set(address, { driver, uuid: undefined, isReachable: true, isSharing: shared !== undefined });
    return driver;
  }

  /** How the hypervisor of this host reaches others: as their agents would, while both are reachable to each other. */
  dialFrom(address: string): Dial {
    return async (to, ask, signal) => {
      await this.hold(`${address} dials`, signal);
      const [source, destination] = [this.hosts.get(address), this.hosts.get(to.address)];
      const driver = destination === undefined ? undefined : driverOf(destination);
      if (source?.uuid === undefined || destination?.uuid !== to.hostUuid || this.isCut(address, to.address))
        throw migrationFailed(ask.machineUuid, "nothing answers there");
      if (driver === undefined) throw migrationFailed(ask.machineUuid, "nothing answers there");
      const here = await visited(driver, { ...ask, sourceUuid: source.uuid }, signal);
      this.streams.add(here);
      this.onStream(here);
      here.once("close", () => this.streams.delete(here));
      return here;
    };
  }

  /** A host with a driver of its own. */
  async addReal(address: string, real: HypervisorDriver): Promise<void> {
    await this.add(address);
    const host = this.hosts.get(address);
    if (host !== undefined) host.real = real;
  }

  /** Their drivers tell of nothing any more. */
  close(): void {
    for (const { changes } of this.hosts.values()) changes?.close();
  }

  cut(address: string, isReachable: boolean): void {
    const host = this.hosts.get(address);
    if (host !== undefined) host.isReachable = isReachable;
  }

  #find({ uuid, managementIp }: HostAddress): TestHost {
    const host = this.hosts.get(managementIp);
    if (host?.isReachable !== true) throw unreachable(managementIp);
    if (host.uuid !== uuid) {
      const details = "It shows no certificate of this cloud.";
      throw new CloudError(refusalOf("HOST.1011", { where: managementIp, details, remedy: "Add it again." }));
    }
    return host;
  }

  async #watch(address: HostAddress, { after, holdMs, onHead, signal = never() }: WatchOptions) {
    const host = this.#find(address);
    host.changes ??= new HostChanges({ driver: driverOf(host), after: afterTime });
    onHead();
    const serial = await host.changes.next(after, holdMs, signal);
    signal.throwIfAborted();
    this.#find(address);
    return { bootId: "boot", version: "1", protocol: hostProtocol, serial };
  }

  link: HostLink = {
    ping: async (host) => {
      this.#find(host);
      return { bootId: "boot", version: "1", protocol: hostProtocol };
    },
    watch: (host, how) => this.#watch(host, how),
    report: async (host) => reportOf(this.#find(host)),
    machines: async (host, signal = never()) => driverOf(this.#find(host)).machines(signal),
    storage: async (host, place, signal = never()) => {
      const { driver, real } = this.#find(host);
      const room = await (real ?? driver).storage(place, signal).catch(failedAt(host));
      return real === undefined ? this.room(host) : room;
    },
    storageLock: async (host, probe, signal = never()) => {
      const { shared = noShared } = driverOf(this.#find(host));
      this.locks.push(`${host.managementIp} ${probe.step}`);
      const { isSharing, real } = this.#find(host);
      // What hosts have together is copied by the tests of others: as if each saw the locks of all.
      if (!isSharing && real === undefined) return probe.step === "release" ? "absent" : "held";
      return shared.lock(probe, signal).catch(failedAt(host));
    },
    keepStorages: async (host, uuids, signal = never()) => {
      const { shared = noShared } = driverOf(this.#find(host));
      await shared.keepOnly(uuids, signal);
    },
    volume: async (host, place, signal = never()) => driverOf(this.#find(host)).volume(place, signal),
    volumePiece: async (host, path, range, signal = never()) => {
      const { volumePiece = noPiece } = driverOf(this.#find(host));
      await this.hold(`${host.managementIp} volumePiece`, signal);
      return volumePiece(path, range, signal).catch(failedAt(host));
    },
    imageProgress: async (host, image) => imagesOf(this.#find(host)).progress(image),
    imagePiece: async (host, { image, offset, content }, signal = never()) => {
      const images = imagesOf(this.#find(host));
      await this.hold(`${host.managementIp} imagePiece`, signal);
      this.pieces.push(`${host.managementIp} ${image.sha256} ${offset}`);
      return images.write(image, offset, content);
    },
    command: async (host, command, { signal = never() }) => {
      const { protocol = hostProtocol } = this.#find(host);
      // As an agent of that version, which knows no such fields.
      if (protocol < 2 && /"(limits|sentBytesPerSecond|seed|copies)":/.test(JSON.stringify(command)))
        throw agentFailed(host.managementIp, new NodeError("API.BAD_REQUEST", "The request can't be understood."));
      const driver = driverOf(this.#find(host));
      this.commands.push(`${host.managementIp} ${command.do}`);
      await this.hold(`${host.managementIp} ${command.do}`, signal);
      await driver.carryOut(command, signal);
      if (this.isAnswerLost(`${host.managementIp} ${command.do}`)) throw unreachable(host.managementIp);
    },
  };

  /** Consoles of their machines. */
  readonly consoles: ConsoleLink = {
    openConsole: async (host, uuid, kind, signal = never()) => {
      const driver = driverOf(this.#find(host));
      return driver.openConsole(uuid, kind, signal).catch((error: unknown) => {
        throw error instanceof NodeError ? agentFailed(host.managementIp, error) : error;
      });
    },
  };

  readonly door: HostDoor = {
    fingerprint: async (managementIp) => {
      const host = this.hosts.get(managementIp);
      if (host?.isReachable !== true) throw unreachable(managementIp);
      return fingerprintOf(host.uuid);
    },
    join: async ({ hostUuid, managementIp, password }: JoinRequest, signal) => {
      const host = this.hosts.get(managementIp);
      if (host?.isReachable !== true) throw unreachable(managementIp);
      if (password.reveal() !== this.password) {
        const details = "The password is wrong.";
        throw new CloudError(refusalOf("HOST.1012", { where: managementIp, details, remedy: "Give the right one." }));
      }
      host.uuid = hostUuid;
      await this.hold(`${managementIp} join`, signal);
      return { report: reportOf(host), certificate: "PEM", fingerprint: fingerprintOf(hostUuid) };
    },
    renew: async (host) => {
      this.#find(host);
      return { certificate: "PEM 2", fingerprint: "CD" };
    },
    leave: async (host) => {
      this.#find(host).uuid = undefined;
    },
  };
}

function driverOf({ driver, real }: TestHost): HypervisorDriver {
  return real ?? driver;
}

function imagesOf(host: TestHost) {
  return driverOf(host).images ?? noImages;
}

/** As the manager's link tells of it. */
function failedAt({ managementIp }: HostAddress) {
  return (error: unknown): never => {
    throw error instanceof NodeError ? agentFailed(managementIp, error) : error;
  };
}

function afterTime(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
}

function never(): AbortSignal {
  return new AbortController().signal;
}

export function unreachable(address: string): CloudError {
  const details = "Nothing answers.";
  return new CloudError(refusalOf("HOST.1010", { where: address, details, remedy: "Look at the network." }));
}

function reportOf({ driver, claims, cpuModel = "Test CPU (1)", protocol = hostProtocol }: TestHost) {
  return {
    hostname: "node",
    bootId: "boot",
    version: "1",
    protocol,
    driver: claims ?? driver.name,
    cpuCores: driver.capacity?.cpuThreads ?? 1,
    cpuModel,
    memoryTotalBytes: driver.capacity?.memoryBytes ?? 0,
    tags: ["os::distribution::debian", "hypervisor::simulated"],
  };
}
