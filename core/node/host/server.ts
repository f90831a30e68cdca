import { X509Certificate } from "node:crypto";
import { createServer as createHttpsServer, type Server } from "node:https";
import { createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from "node:tls";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from "fastify";
import {
  type HostAnswer,
  type HostBody,
  type HostCallName,
  hostCalls,
  hostProtocol,
  pieceHeader,
  protocolHeader,
  requestHeader,
  serverNameOf,
} from "../../api/host/contract.ts";
import { migrationPath } from "../../api/host/migration.ts";
import { parse, refuseNonsense, sendError, toNodeError } from "../../api/server.ts";
import { NodeError } from "../../model/error.ts";
import { jsonOrNothing } from "../../model/json.ts";
import { namesManager } from "../../pki/names.ts";

import { ConsoleDoor } from "./consoles.ts";
import type { Joining } from "./joining.ts";
import type { Membership, ShownPair } from "./membership.ts";
import { MigrationDoor } from "./migration-door.ts";
import { Strangers } from "./strangers.ts";
import type { HostWork } from "./work.ts";

export type HostServerOptions = {
  membership: Membership;
  joining: Joining;
  /** Left out on a node that has no driver of a hypervisor. */
  work?: HostWork | undefined;
  version: string;
  /** Asked anew each time. */
  hostname: () => Promise<string>;
  bootId: () => Promise<string>;
  /** The wall clock, in milliseconds since the epoch. */
  now: () => number;
  log: FastifyBaseLogger;
  /** Milliseconds; others than the usual ones for tests. */
  patience?: Partial<typeof usualPatience>;
};

/** How long a connection may take. A manager's that is idle stays open for longer than it takes to the next ping. */
const usualPatience = { handshakeMs: 10_000, headersMs: 10_000, requestMs: 30_000, idleMs: 180_000, checkMs: 5_000 };
/** A manager has as many as commands run at once, and one for pings. */
const mostConnections = 128;
const mostStrangers = 32;

/** What of a request says who asks. */
type Asking = { raw: Pick<FastifyRequest["raw"], "socket"> };

type Handlers = {
  [N in HostCallName]: (
    body: HostBody<N>,
    request: FastifyRequest,
    /** Whoever asked has gone. */
    gone: AbortSignal,
  ) => Promise<HostAnswer<N>> | HostAnswer<N>;
};

export type HostServer = {
  /** @throws NodeError CHANNEL.NOT_LISTENING */
  listen(port: number, address?: string): Promise<{ port: number }>;
  /** Connections that have not shown a manager's certificate. */
  readonly strangers: number;
  /** All that came since it began. */
  readonly connections: number;
  close(): Promise<void>;
};

/** The agent's end of the channel: what `core/api/host/contract.ts` describes, over TLS 1.3. */
export async function createHostServer(options: HostServerOptions): Promise<HostServer> {
  const { membership, log } = options;
  const patience = { ...usualPatience, ...options.patience };
  const calls = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (error, _request, reply) => void sendError(reply, toNodeError(error), log),
  });
  let shown = contextsOf(membership);
  const server = createHttpsServer(
    {
      ...shown.usual,
      SNICallback: (name, done) => done(null, shown.byName.get(name)),
      handshakeTimeout: patience.handshakeMs,
      headersTimeout: patience.headersMs,
      requestTimeout: patience.requestMs,
      keepAliveTimeout: patience.idleMs,
      connectionsCheckingInterval: patience.checkMs,
    },
    (request, response) => calls.routing(request, response),
  );
  server.maxConnections = mostConnections;
  server.maxHeadersCount = 50;
  server.on("clientError", refuseNonsense);
  // Nobody who could be told: whoever knocks on the port without TLS, or goes away in the middle.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  const strangers = new Strangers(server, mostStrangers);
  membership.onChange(() => {
    shown = contextsOf(membership);
    // Connections that are open stay as they are: whoever may go on is looked at with each request.
    server.setSecureContext(shown.usual);
  });

  const known = (socket: TLSSocket) => strangers.known(socket);
  const moves = new MigrationDoor({ membership, admit: options.work?.admit, known, log });

  const managers = new WeakMap<TLSSocket, string>();
  const isManager = (request: Asking): boolean => {
    const { socket } = request.raw;
    const { member } = membership;
    if (!(socket instanceof TLSSocket) || member === null) return false;
    if (managers.get(socket) === member.authority) return true;
    if (!isManagerOf(socket, member.authority)) return false;
    managers.set(socket, member.authority);
    strangers.known(socket);
    return true;
  };

  calls.setErrorHandler((error, _request, reply) => sendError(reply, toNodeError(error), log));
  calls.setNotFoundHandler((request, reply) =>
    sendError(reply, new NodeError("API.UNKNOWN_CALL", `There is no call ${request.method} ${request.url}.`), log),
  );
  calls.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  // Before anything of a body is read.
  calls.addHook("onRequest", async (request, reply) => {
    void reply.header(protocolHeader, hostProtocol);
    const id = request.headers[requestHeader];
    if (typeof id === "string") void reply.header(requestHeader, id.slice(0, 64));
  });
  const handlers = handlersOf(options, isManager);
  const used = async (request: Asking) => {
    const { socket } = request.raw;
    const name = socket instanceof TLSSocket && typeof socket.servername === "string" ? socket.servername : "";
    const next = membership.shown.find(({ certificate }) => nameOf(certificate) === name);
    if (next !== undefined) await membership.used(next.certificate);
  };
  for (const name of Object.keys(hostCalls) as HostCallName[]) addCall(calls, name, handlers, { isManager, used });
  const consoles = new ConsoleDoor({
    requireManager: async (raw) => {
      if (!isManager({ raw })) throw notManager({ raw });
      await used({ raw });
    },
    work: () => requireWork(options.work),
    log,
  });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === migrationPath) moves.take(request, socket, head);
    else void consoles.take(request, socket, head);
  });
  await calls.ready();
  return {
    listen: (port, address) => listen(server, port, address),
    get strangers() {
      return strangers.count;
    },
    get connections() {
      return strangers.met;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      consoles.close();
      server.closeAllConnections();
      moves.close();
      await Promise.all([closed, calls.close()]);
    },
  };
}

function handlersOf(options: HostServerOptions, isManager: (request: FastifyRequest) => boolean): Handlers {
  const { membership, joining, version, log } = options;
  const work = () => requireWork(options.work);
  const told = async <T>(what: string, from: string | undefined, action: () => Promise<T>): Promise<T> => {
    try {
      const result = await action();
      log.info({ from }, `${what}: done`);
      return result;
    } catch (error) {
      log.warn({ from, code: error instanceof NodeError ? error.code : undefined }, `${what}: refused`);
      throw error;
    }
  };
  const pong = async () => ({ bootId: await options.bootId(), version, protocol: hostProtocol });
  return {
    hello: async () => ({
      protocol: hostProtocol,
      version,
      hostname: await options.hostname(),
      cloud: membership.cloud,
      time: options.now(),
    }),
    join: (body, { ip }) => told("joining a cloud is begun", ip, () => joining.join(ip, body)),
    certify: (body, request) =>
      told("a certificate of the cloud is taken", request.ip, async () => {
        await joining.certify(isManager(request), body);
        return {};
      }),
    renew: (_body, { ip }) => told("a renewal of the certificate is begun", ip, () => joining.renew()),
    leave: (_body, { ip }) =>
      told("the cloud is left", ip, async () => {
        await membership.leave();
        return {};
      }),
    ping: pong,
    watch: async ({ after, holdMs }, _request, gone) => {
      const serial = await work().changed(after, holdMs, gone);
      return { ...(await pong()), serial };
    },
    report: () => work().report(),
    machines: () => work().machines(),
    storage: (body) => work().storage(body),
    storageLock: async (probe) => ({ lock: await work().storageLock(probe) }),
    keepStorages: async ({ uuids }) => {
      await work().keepStorages(uuids);
      return {};
    },
    volume: (body) => work().volume(body),
    volumePiece: async ({ path, offset, length }) => {
      const { totalBytes, content } = await work().volumePiece(path, { offset, length });
      return { totalBytes, base64: Buffer.from(content).toString("base64") };
    },
    imageProgress: (image) => work().images.progress(image),
    imagePiece: ({ image, offset, content }) => work().images.write(image, offset, content),
    collectLogs: ({ range }, { ip }) =>
      told("collecting logs for a manager is begun", ip, async () => ({ id: work().logs.collect(range) })),
    logCollection: ({ id }) => work().logs.state(id),
    logPiece: async ({ name, offset }) => ({ base64: (await work().logs.piece(name, offset)).toString("base64") }),
    command: async (body) => {
      await work().carryOut(body);
      return {};
    },
  };
}

/** @throws CHANNEL.NO_DRIVER */
function requireWork(work: HostWork | undefined): HostWork {
  if (work !== undefined) return work;
  throw new NodeError("CHANNEL.NO_DRIVER", "This node carries out nothing for virtual machines.", {
    remedy: "Add a compute node.",
  });
}

/** Calls whose answer begins before it is known. */
const heldCalls: ReadonlySet<HostCallName> = new Set<HostCallName>(["watch"]);

type Access = { isManager: (request: FastifyRequest) => boolean; used: (request: FastifyRequest) => Promise<void> };

function addCall<N extends HostCallName>(calls: FastifyInstance, name: N, handlers: Handlers, access: Access): void {
  const { method, path, access: who, body, mostBytes } = hostCalls[name];
  calls.route({
    method,
    url: path,
    bodyLimit: mostBytes,
    onRequest: async (request) => {
      if (access.isManager(request)) await access.used(request);
      else if (who === "manager") throw notManager(request);
    },
    handler: async (request, reply) => {
      const input = parse(body, givenOf(request), "body") as HostBody<N>;
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      if (!heldCalls.has(name)) return reply.send(await handlers[name](input, request, gone.signal));
      // The head tells that this host is there; whatever goes wrong afterwards ends the connection.
      reply.hijack();
      const { raw } = reply;
      for (const [header, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(header, value);
      raw.writeHead(200, { "content-type": "application/json" });
      raw.flushHeaders();
      try {
        raw.end(JSON.stringify(await handlers[name](input, request, gone.signal)));
      } catch {
        raw.destroy();
      }
    },
  });
}

/** What a call is given: JSON; or octets, with the rest in a header. */
function givenOf({ body, headers }: FastifyRequest): unknown {
  if (!(body instanceof Uint8Array)) return body ?? undefined;
  const rest = headers[pieceHeader];
  const known = typeof rest === "string" ? jsonOrNothing(decoded(rest)) : undefined;
  return { ...(typeof known === "object" ? known : {}), content: body };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function notManager({ raw: { socket } }: Asking): NodeError {
  const reason = socket instanceof TLSSocket ? socket.authorizationError : undefined;
  const why = String(reason instanceof Error && "code" in reason ? reason.code : (reason ?? "it is no manager's"));
  return new NodeError("CHANNEL.NOT_MANAGER", `This call takes a certificate of a manager of this cloud: ${why}.`, {
    remedy: "Add the host to the cloud again. When a certificate has expired, look at the clocks of both.",
  });
}

/** Whether the other end has shown the certificate of a manager of this cloud. Also for a session that is resumed. */
function isManagerOf(socket: TLSSocket, authority: string): boolean {
  const shown = socket.getPeerX509Certificate();
  if (!socket.authorized || shown === undefined) return false;
  return shown.verify(new X509Certificate(authority).publicKey) && namesManager(shown);
}

type Contexts = { usual: SecureContextOptions; byName: Map<string, SecureContext> };

/** How each certificate of the node is shown; by the name that asks for it. */
function contextsOf({ shown, member }: Membership): Contexts {
  const optionsOf = ({ key, certificate }: ShownPair): TlsOptions => ({
    key,
    cert: certificate,
    // Without a cloud nobody is trusted: not left out, for then all authorities of the Web would be.
    ca: member?.authority ?? certificate,
    minVersion: "TLSv1.3",
    requestCert: true,
    rejectUnauthorized: false,
  });
  return {
    usual: optionsOf(shown[0]),
    byName: new Map(shown.map((pair) => [nameOf(pair.certificate), createSecureContext(optionsOf(pair))])),
  };
}

type TlsOptions = SecureContextOptions & { requestCert: boolean; rejectUnauthorized: boolean };

function nameOf(certificate: string): string {
  return serverNameOf(new X509Certificate(certificate).fingerprint256);
}

async function listen(server: Server, port: number, address: string | undefined): Promise<{ port: number }> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) =>
      reject(
        new NodeError(
          "CHANNEL.NOT_LISTENING",
          `The agent can't listen on TCP ${port}${address === undefined ? "" : ` of ${address}`}.`,
          {
            remedy: `Look which program holds it: ss -tlnp sport = :${port}`,
            cause: error,
          },
        ),
      );
    server.once("error", refused);
    server.listen({ port, ...(address === undefined ? {} : { host: address }) }, () => {
      server.off("error", refused);
      resolve();
    });
  });
  const bound = server.address();
  return { port: typeof bound === "object" && bound !== null ? bound.port : port };
}
