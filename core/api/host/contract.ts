import * as z from "zod/mini";
import {
  cachedImage,
  hostCommand,
  imageProgress,
  machineReport,
  storagePlace,
  storageRoom,
} from "../../hypervisor/driver.ts";
import { mostVolumePieceBytes } from "../../hypervisor/export-commands.ts";
import { lockProbe, lockStates } from "../../hypervisor/shared-storage.ts";
import { volumeFigures, volumePlace } from "../../hypervisor/volume-commands.ts";
import { logRanges } from "../../model/archives.ts";
import { type ConsoleKind, consoleKinds } from "../../model/cloud/console.ts";
import { bytes, line, moment, tags, uuid, uuidPattern } from "../../model/cloud/fields.ts";
import type { HostReport, Pong } from "../../orchestrator/host-link.ts";
import { hostProtocol, mostPieceBytes, oldestHostProtocol } from "../../orchestrator/host-link.ts";

/*
 * What the agent of a host offers to the manager on TCP 7070: HTTP and JSON over TLS 1.3. Both ends know each other by
 * certificates of the cloud's own authority, once the host has joined.
 */

export const hostPort = 7070;

export { hostProtocol, oldestHostProtocol };

/** Every answer says the version that it is in, and which request it answers: an answer is never taken for another's. */
export const protocolHeader = "x-binnacle-protocol";
export const requestHeader = "x-binnacle-request";
/** Of a request whose body is octets: all else that its call is given, as JSON in the form of a URL. */
export const pieceHeader = "x-binnacle-piece";

/**
 * Who may make a call: anybody; who began to join with the right password; or only a manager of the host's cloud, which
 * shows so by its certificate.
 */
export type HostAccess = "public" | "manager";

const none = z.undefined();
const octets = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const nothing = z.object({});
const pem = z.string().check(z.maxLength(16_384));
/** By chance, 256 bits: who has it is the one who gave the password. */
const nonce = z.string().check(z.regex(/^[\w-]{43}$/));
/** SHA-256: `A1:B2:…`. */
export const fingerprint = z.string().check(z.regex(/^[\dA-F]{2}(:[\dA-F]{2}){31}$/));

const protocol = z.int().check(z.nonnegative());

const pong = z.object({ bootId: line(64), version: line(64), protocol }) satisfies z.ZodMiniType<Pong>;

const hostReport = z.object({
  hostname: line(253),
  bootId: line(64),
  version: line(64),
  protocol,
  driver: line(32),
  cpuCores: z.int().check(z.minimum(1), z.maximum(65_536)),
  /** Empty where the processor does not tell. */
  cpuModel: z.union([z.literal(""), line(256)]),
  memoryTotalBytes: bytes,
  tags: z.readonly(tags),
}) satisfies z.ZodMiniType<HostReport>;

type HostCall = {
  method: "GET" | "POST";
  path: `/v1/${string}`;
  access: HostAccess;
  body: z.ZodMiniType;
  response: z.ZodMiniType;
  /** Bytes that a request and an answer may have. */
  mostBytes: number;
};

const kB = 1024;

export const hostCalls = {
  /** What is this? Says nothing that a visitor of the port may not know. */
  hello: {
    method: "GET",
    path: "/v1/hello",
    access: "public",
    body: none,
    response: z.object({
      protocol,
      version: line(64),
      hostname: line(253),
      /** Fingerprint of the authority of the cloud that it belongs to. */
      cloud: z.nullable(fingerprint),
      /** The host's clock. */
      time: moment,
    }),
    mostBytes: 16 * kB,
  },
  /**
   * Begins to join the cloud of this authority: the host makes a key, and a request for a certificate of it. `nonce` is
   * good once, and for a minute.
   */
  join: {
    method: "POST",
    path: "/v1/join",
    access: "public",
    body: z.strictObject({
      username: line(32),
      password: z.string().check(z.maxLength(1024)),
      /** Fingerprint of the cloud's authority. */
      cloud: fingerprint,
    }),
    response: z.object({ nonce, request: pem }),
    mostBytes: 32 * kB,
  },
  /** Ends what `join` or `renew` has begun: the host belongs to the cloud, or shows the new certificate, from now on. */
  certify: {
    method: "POST",
    path: "/v1/certify",
    access: "public",
    body: z.strictObject({ nonce, hostUuid: uuid, certificate: pem, authority: pem }),
    response: nothing,
    mostBytes: 64 * kB,
  },
  /** Makes a new key. The present certificate is good until somebody has asked for the new one by its fingerprint. */
  renew: {
    method: "POST",
    path: "/v1/renew",
    access: "manager",
    body: nothing,
    response: z.object({ nonce, request: pem }),
    mostBytes: 32 * kB,
  },
  /** Forgets the cloud, its certificate and its key. */
  leave: {
    method: "POST",
    path: "/v1/leave",
    access: "manager",
    body: nothing,
    response: nothing,
    mostBytes: 16 * kB,
  },
  ping: { method: "GET", path: "/v1/ping", access: "manager", body: none, response: pong, mostBytes: 16 * kB },
  /**
   * A ping that is held: the head of the answer comes at once, its body when the state of a machine has changed, or after
   * `holdMs`. `serial` is another one after each change, and after each start of the agent; one that is not `after` is told
   * at once.
   */
  watch: {
    method: "POST",
    path: "/v1/watch",
    access: "manager",
    body: z.strictObject({
      after: z.nullable(line(64)),
      holdMs: z.int().check(z.nonnegative(), z.maximum(86_400_000)),
    }),
    response: z.extend(pong, { serial: line(64) }),
    mostBytes: 16 * kB,
  },
  report: {
    method: "GET",
    path: "/v1/report",
    access: "manager",
    body: none,
    response: hostReport,
    mostBytes: 1024 * kB,
  },
  machines: {
    method: "GET",
    path: "/v1/machines",
    access: "manager",
    body: none,
    response: z.array(machineReport).check(z.maxLength(65_536)),
    mostBytes: 8 * 1024 * kB,
  },
  /** The room of a storage; it is made or mounted where that is needed. */
  storage: {
    method: "POST",
    path: "/v1/storage",
    access: "manager",
    body: storagePlace,
    response: storageRoom,
    mostBytes: 16 * kB,
  },
  /** A step of a try whether hosts see each other's locks on a storage. */
  storageLock: {
    method: "POST",
    path: "/v1/storage/lock",
    access: "manager",
    body: lockProbe,
    response: z.object({ lock: z.enum(lockStates) }),
    mostBytes: 16 * kB,
  },
  /** The network storages that the host is to have: others are let go of as soon as nothing uses them. */
  keepStorages: {
    method: "POST",
    path: "/v1/storage/keep",
    access: "manager",
    body: z.strictObject({ uuids: z.array(uuid).check(z.maxLength(1000)) }),
    response: nothing,
    mostBytes: 64 * kB,
  },
  /** How large a volume is. */
  volume: {
    method: "POST",
    path: "/v1/volume",
    access: "manager",
    body: volumePlace,
    response: volumeFigures,
    mostBytes: 16 * kB,
  },
  /** A piece of the file of a volume, from a byte on; an agent of a former version gives none. */
  volumePiece: {
    method: "POST",
    path: "/v1/volume/piece",
    access: "manager",
    body: z.strictObject({
      path: line(4096),
      offset: bytes,
      length: z.int().check(z.minimum(1), z.maximum(mostVolumePieceBytes)),
    }),
    response: z.object({ totalBytes: bytes, base64: z.string() }),
    mostBytes: 2 * mostVolumePieceBytes,
  },
  /** What of an image is in the cache of a storage, or from which byte on it is to be brought. */
  imageProgress: {
    method: "POST",
    path: "/v1/images/progress",
    access: "manager",
    body: cachedImage,
    response: imageProgress,
    mostBytes: 16 * kB,
  },
  /**
   * A piece of an image, as octets; what it is of stands in the header `x-binnacle-piece`. The command keepImage checks
   * the whole.
   */
  imagePiece: {
    method: "POST",
    path: "/v1/images/piece",
    access: "manager",
    body: z.strictObject({ image: cachedImage, offset: bytes, content: octets }),
    response: imageProgress,
    mostBytes: mostPieceBytes,
  },
  /** Begins to collect the host's logs into an archive there. */
  collectLogs: {
    method: "POST",
    path: "/v1/logs/collect",
    access: "manager",
    body: z.strictObject({ range: z.enum(logRanges) }),
    response: z.object({ id: line(128) }),
    mostBytes: 16 * kB,
  },
  /** How far that is; `archive` when it is done. */
  logCollection: {
    method: "POST",
    path: "/v1/logs/state",
    access: "manager",
    body: z.strictObject({ id: line(128) }),
    response: z.object({
      state: z.enum(["running", "done", "failed"]),
      /** Why it failed. */
      why: z.nullable(line(1000)),
      archive: z.nullable(z.object({ name: line(128), sizeBytes: bytes })),
    }),
    mostBytes: 16 * kB,
  },
  /** A piece of such an archive, from a byte on; empty at its end. */
  logPiece: {
    method: "POST",
    path: "/v1/logs/piece",
    access: "manager",
    body: z.strictObject({ name: line(128), offset: bytes }),
    response: z.object({ base64: z.string() }),
    mostBytes: 2 * 1024 * kB,
  },
  /** Carries a command out, once for each `id`; answers when it is done. `epoch`: of the flow. */
  command: {
    method: "POST",
    path: "/v1/commands",
    access: "manager",
    body: z.strictObject({
      id: line(128),
      flow: line(128),
      epoch: z.int().check(z.nonnegative()),
      command: hostCommand,
      timeoutMs: z.int().check(z.positive(), z.maximum(86_400_000)),
    }),
    response: nothing,
    // The addresses of all that are in a host's security groups.
    mostBytes: 1024 * kB,
  },
} as const satisfies Record<string, HostCall>;

export type HostCalls = typeof hostCalls;
export type HostCallName = keyof HostCalls;
export type HostBody<N extends HostCallName> = z.output<HostCalls[N]["body"]>;
export type HostAnswer<N extends HostCallName> = z.output<HostCalls[N]["response"]>;
export type HostCommandRequest = HostBody<"command">;

/**
 * A console of a machine, for a manager: a GET whose connection is upgraded to this protocol, and is the console's stream of
 * bytes from then on, both ways. What is refused is answered as a call is.
 */
export const consoleProtocol = "binnacle-console";
export function consolePath(uuid: string, kind: ConsoleKind): string {
  return `/v1/machines/${uuid}/consoles/${kind}`;
}

/** What a path of {@link consolePath} means; undefined when it is none. */
export function consoleIn(path: string): { uuid: string; kind: ConsoleKind } | undefined {
  const [, uuid = "", named = ""] = /^\/v1\/machines\/([^/]{32})\/consoles\/([a-z]+)$/.exec(path) ?? [];
  const kind = consoleKinds.find((each) => each === named);
  return kind === undefined || !uuidPattern.test(uuid) ? undefined : { uuid, kind };
}

/**
 * The name that a manager asks for (SNI) to be shown the certificate with this fingerprint: while a certificate is
 * being renewed the host has two, and the manager may have heard of the first only.
 */
export function serverNameOf(print: string): string {
  return `c${print.replaceAll(":", "").slice(0, 32).toLowerCase()}.host.binnacle.internal`;
}
