import { X509Certificate } from "node:crypto";
import { Agent, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext, type SecureContext } from "node:tls";
import type {
  CachedImage,
  HostCommand,
  ImageProgress,
  MachineReport,
  StoragePlace,
  StorageRoom,
} from "../../hypervisor/driver.ts";
import type { ByteRange, VolumePiece } from "../../hypervisor/export-commands.ts";
import type { LockProbe, LockState } from "../../hypervisor/shared-storage.ts";
import type { VolumeFigures, VolumePlace } from "../../hypervisor/volume-commands.ts";
import type { LogRange } from "../../model/archives.ts";
import type { ConsoleKind } from "../../model/cloud/console.ts";
import { CloudError } from "../../model/cloud/refusal.ts";
import {
  type CommandOptions,
  type HostAddress,
  type HostLink,
  type HostReport,
  hasEndedCertificate,
  type ImagePiece,
  type Pong,
  type WatchOptions,
} from "../../orchestrator/host-link.ts";
import type { Credentials } from "../../pki/authority.ts";
import { namesHost } from "../../pki/names.ts";
import { consolePath, type HostAnswer, type HostBody, type HostCallName, hostPort, serverNameOf } from "./contract.ts";
import { askEnded } from "./ended.ts";
import { nameOfError, untrusted, wrongCertificate } from "./errors.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { upgrade } from "./upgrade.ts";

export type HostLinkOptions = {
  /** What the manager shows: `Authority.manager`. */
  credentials: () => Promise<Credentials>;
  /** Fingerprint of the certificate that a host has to show; undefined when it has none, or no more. */
  pinned: (hostUuid: string) => string | undefined;
  /** A host without one on record is believed by any certificate that the cloud's authority gave to it. */
  believesAuthority?: boolean;
  /** 7070 unless told. */
  port?: number;
  patience?: Partial<HostPatience> | undefined;
};

/** In milliseconds. A command has its own time, and `graceMs` for the way there and back. */
export type HostPatience = { connectMs: number; pingMs: number; answerMs: number; graceMs: number };
export const usualHostPatience: HostPatience = { connectMs: 5_000, pingMs: 10_000, answerMs: 60_000, graceMs: 10_000 };

/** A host's commands that run at once, and what is asked beside them. */
const mostConnections = 16;
/** Shorter than the agent's own patience with an idle connection, longer than it takes to the next ping. */
const idleMs = 170_000;

/**
 * Asks agents over mutual TLS. A host is who it should be when its certificate comes from the cloud's authority, names
 * its uuid, and is the one on record: with each connection, none is resumed. The record is looked at with each call: a
 * certificate that is no longer there gets no further call, also on connections that are open.
 */
export class HttpsHostLink implements HostLink {
  readonly #options: HostLinkOptions;
  readonly #patience: HostPatience;
  /** What has to be shown where a name is asked for. */
  readonly #wanted = new Map<string, Wanted>();
  // The check is the agent's, not the request's: connections with a check of their own are not used again.
  readonly #connections = new Connections({
    keepAlive: true,
    keepAliveMsecs: 60_000,
    timeout: idleMs,
    maxSockets: mostConnections,
    maxFreeSockets: 1,
    maxCachedSessions: 0,
    checkServerIdentity: (name, { raw }) => checkHost(this.#wanted.get(name), new X509Certificate(raw)),
  });
  /** Consoles have connections of their own, which nothing else waits for. */
  readonly #streams = new Connections({
    maxCachedSessions: 0,
    checkServerIdentity: (name, { raw }) => checkHost(this.#wanted.get(name), new X509Certificate(raw)),
  });
  #context: { of: Credentials; made: SecureContext } | undefined;

  constructor(options: HostLinkOptions) {
    this.#options = options;
    this.#patience = { ...usualHostPatience, ...options.patience };
  }

  ping(host: HostAddress, signal?: AbortSignal): Promise<Pong> {
    return this.#ask(host, "ping", undefined, this.#patience.pingMs, signal);
  }

  /** `onHead`: told when the host has begun to answer. */
  watch(host: HostAddress, { after, holdMs, onHead, signal }: WatchOptions): Promise<HostAnswer<"watch">> {
    const { pingMs, graceMs } = this.#patience;
    return this.#ask(host, "watch", { after, holdMs }, pingMs, signal, { ms: holdMs + graceMs, onHead });
  }

  report(host: HostAddress, signal?: AbortSignal): Promise<HostReport> {
    return this.#ask(host, "report", undefined, this.#patience.answerMs, signal);
  }

  machines(host: HostAddress, signal?: AbortSignal): Promise<MachineReport[]> {
    return this.#ask(host, "machines", undefined, this.#patience.answerMs, signal);
  }

  storage(host: HostAddress, place: StoragePlace, signal?: AbortSignal): Promise<StorageRoom> {
    return this.#ask(host, "storage", place, this.#patience.answerMs, signal);
  }

  async storageLock(host: HostAddress, probe: LockProbe, signal?: AbortSignal): Promise<LockState> {
    return (await this.#ask(host, "storageLock", probe, this.#patience.answerMs, signal)).lock;
  }

  async keepStorages(host: HostAddress, uuids: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#ask(host, "keepStorages", { uuids: [...uuids] }, this.#patience.answerMs, signal);
  }

  volume(host: HostAddress, place: VolumePlace, signal?: AbortSignal): Promise<VolumeFigures> {
    return this.#ask(host, "volume", place, this.#patience.answerMs, signal);
  }

  async volumePiece(host: HostAddress, path: string, range: ByteRange, signal?: AbortSignal): Promise<VolumePiece> {
    const answer = await this.#ask(host, "volumePiece", { path, ...range }, this.#patience.answerMs, signal);
    return { totalBytes: answer.totalBytes, content: Buffer.from(answer.base64, "base64") };
  }

  imageProgress(host: HostAddress, image: CachedImage, signal?: AbortSignal): Promise<ImageProgress> {
    return this.#ask(host, "imageProgress", image, this.#patience.answerMs, signal);
  }

  imagePiece(host: HostAddress, piece: ImagePiece, signal?: AbortSignal): Promise<ImageProgress> {
    return this.#ask(host, "imagePiece", piece, this.#patience.answerMs, signal);
  }

  async command(host: HostAddress, command: HostCommand, how: CommandOptions): Promise<void> {
    const { id, flow, epoch, timeoutMs, signal } = how;
    const body = { id, flow, epoch, command, timeoutMs };
    await this.#ask(host, "command", body, timeoutMs + this.#patience.graceMs, signal);
  }

  /** Begins to collect the host's logs; gives what names it in {@link logCollection}. */
  async collectLogs(host: HostAddress, range: LogRange, signal?: AbortSignal): Promise<string> {
    return (await this.#ask(host, "collectLogs", { range }, this.#patience.answerMs, signal)).id;
  }

  logCollection(host: HostAddress, id: string, signal?: AbortSignal): Promise<HostAnswer<"logCollection">> {
    return this.#ask(host, "logCollection", { id }, this.#patience.answerMs, signal);
  }

  /** Bytes of collected logs from `offset` on; none at their end. */
  async logPiece(host: HostAddress, name: string, offset: number, signal?: AbortSignal): Promise<Buffer> {
    const { base64 } = await this.#ask(host, "logPiece", { name, offset }, this.#patience.answerMs, signal);
    return Buffer.from(base64, "base64");
  }

  /** The first half of a renewal: see `HttpsHostDoor.renew`. A certificate that has ended will do. */
  renew(host: HostAddress, signal?: AbortSignal): Promise<HostAnswer<"renew">> {
    return this.#askThoughEnded(host, "renew", {}, signal);
  }

  /** The second half. */
  async certify(host: HostAddress, body: HostBody<"certify">, signal?: AbortSignal): Promise<void> {
    await this.#askThoughEnded(host, "certify", body, signal);
  }

  /**
   * The host forgets the cloud. Its record is to be removed whether it answers or not. One that has no certificate on
   * record, because it joined at the moment at which the manager ended, is believed by any that this cloud gave to it.
   */
  async leave(host: HostAddress, signal?: AbortSignal): Promise<void> {
    await this.#ask(host, "leave", {}, this.#patience.answerMs, signal);
  }

  /**
   * A console of a machine that is on a host: its bytes, both ways. `signal`: until it is open.
   * @throws CloudError HOST.1010, HOST.1011, HOST.1012
   */
  async openConsole(host: HostAddress, machineUuid: string, kind: ConsoleKind, signal?: AbortSignal): Promise<Duplex> {
    const { managementIp: address } = host;
    const connection = await this.#connectionTo(host, { agent: this.#streams });
    const { connectMs, pingMs } = this.#patience;
    try {
      const path = consolePath(machineUuid, kind);
      return await upgrade({ address, path, connection, answerMs: connectMs + pingMs, signal });
    } catch (error) {
      throw refusedCertificate(address, error);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#streams.destroy();
    this.#connections.destroy();
  }

  async #ask<N extends HostCallName>(
    { uuid, managementIp }: HostAddress,
    name: N,
    body: HostBody<N>,
    answerMs: number,
    signal?: AbortSignal,
    held?: Exchange<N>["held"],
  ): Promise<HostAnswer<N>> {
    const believesAny = name === "leave";
    const connection = await this.#connectionTo({ uuid, managementIp }, { agent: this.#connections, believesAny });
    const asked = { address: managementIp, name, body, connection, answerMs, signal, held };
    for (let attempt = 1; ; attempt++)
      try {
        return await exchange({ ...asked, connectMs: this.#patience.connectMs });
      } catch (error) {
        // The agent has ended an idle connection at the moment at which it was used again.
        const isStale = error instanceof CloudError && isReset(error.cause) && repeatable.has(name);
        if (isStale && attempt === 1 && signal?.aborted !== true) continue;
        throw refusedCertificate(managementIp, error);
      }
  }

  /** @throws HOST.1011 when none of its certificates is on record. `believesAny`: any that this cloud gave to it */
  async #connectionTo(
    { uuid, managementIp }: HostAddress,
    { agent, believesAny = false }: { agent: Connections; believesAny?: boolean },
  ): Promise<TlsRequest> {
    const secureContext = await this.#currentContext();
    const print = this.#options.pinned(uuid);
    if (print === undefined && !believesAny && this.#options.believesAuthority !== true)
      throw wrongCertificate(managementIp, "No certificate of this host is on record.");
    const servername = print === undefined ? anyNameOf(uuid) : serverNameOf(print);
    this.#wanted.set(servername, { address: managementIp, uuid, print });
    return { agent, host: managementIp, port: this.#options.port ?? hostPort, secureContext, servername };
  }

  /** Nothing was said to a host whose certificate was refused: it is asked once more, over a connection of its own. */
  async #askThoughEnded<N extends "renew" | "certify">(
    host: HostAddress,
    name: N,
    body: HostBody<N>,
    signal: AbortSignal | undefined,
  ): Promise<HostAnswer<N>> {
    const { connectMs, answerMs } = this.#patience;
    try {
      return await this.#ask(host, name, body, answerMs, signal);
    } catch (error) {
      const print = this.#options.pinned(host.uuid);
      if (print === undefined || !hasEndedCertificate(error)) throw error;
      const { authority } = await this.#options.credentials();
      const port = this.#options.port ?? hostPort;
      const known = { host, print, authority, port, secureContext: await this.#currentContext() };
      return await askEnded(known, { name, body, connectMs, answerMs, signal });
    }
  }

  async #currentContext(): Promise<SecureContext> {
    const of = await this.#options.credentials();
    if (this.#context?.of !== of) {
      const made = createSecureContext({
        key: of.key,
        cert: of.certificate,
        ca: of.authority,
        minVersion: "TLSv1.3",
      });
      this.#context = { of, made };
    }
    return this.#context.made;
  }
}

type TlsRequest = RequestOptions & { secureContext: SecureContext };

/** Calls that an agent may get twice: those that only ask, and commands, which it knows by their id. */
const repeatable: ReadonlySet<HostCallName> = new Set<HostCallName>([
  "ping",
  "watch",
  "report",
  "machines",
  "storage",
  "storageLock",
  "keepStorages",
  "volume",
  "volumePiece",
  "imageProgress",
  "imagePiece",
  "command",
  "logCollection",
  "logPiece",
]);

/** Connections by host and certificate. Node's own name for one has all keys in it, of 10,000 hosts as well. */
class Connections extends Agent {
  override getName(options: RequestOptions = {}): string {
    return `${options.host} ${options.port} ${options.servername}`;
  }
}

/** `print` undefined: whichever the cloud's authority gave to this host. */
type Wanted = { address: string; uuid: string; print: string | undefined };

/** A name that is no certificate's: the host shows what it shows to whoever does not know it yet. */
function anyNameOf(uuid: string): string {
  return `u${uuid}.host.binnacle.internal`;
}

function checkHost(wanted: Wanted | undefined, shown: X509Certificate): Error | undefined {
  if (wanted === undefined) return new TypeError("a connection that nobody asked for");
  const { address, uuid, print } = wanted;
  if (!namesHost(shown, uuid)) return wrongCertificate(address, "It shows the certificate of another host.");
  if (print === undefined || shown.fingerprint256 === print) return undefined;
  return wrongCertificate(address, `It shows ${shown.fingerprint256}; on record is ${print}.`);
}

function refusedCertificate(address: string, error: unknown): unknown {
  if (!(error instanceof CloudError) || error.cause === undefined) return error;
  return untrusted(address, nameOfError(error.cause), error.cause) ?? error;
}

function isReset(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE"].includes(nameOfError(error));
}
