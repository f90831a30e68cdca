import type { Server } from "node:http";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { cameByRootDoor, limitBodies, refusingNonsense, rootDoorOf } from "../api/doors.ts";
import type { CloudCall } from "../model/cloud/calls/call.ts";
import { type CloudCallName, cloudCallNames, cloudCalls } from "../model/cloud/calls/index.ts";
import { openApiDocument } from "../model/cloud/calls/openapi.ts";
import { inputFromTexts } from "../model/cloud/calls/text.ts";
import { CloudError, type Refusal, refusalOf } from "../model/cloud/refusal.ts";
import { shown } from "../model/quote.ts";
import { Secret } from "../model/secret.ts";
import { type Caller, rootCaller } from "../orchestrator/calls/handler.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { version } from "../version.ts";
import type { Dispatcher } from "./dispatch.ts";
import { statusOf, toCloudError } from "./failure.ts";
import { addImageContent, type ImageContentOptions, sendsImage } from "./image-content.ts";
import { addStreams } from "./streams.ts";

export type CloudServerOptions = {
  dispatcher: Pick<Dispatcher, "run">;
  log: FastifyBaseLogger;
  /** The cloud's changes as events; see {@link addStreams}. */
  mirror: Mirror;
  /** Whether a token may follow the cloud. `isUse` false: it is only looked whether it still may. @throws IDENTITY.… */
  authenticate: (token: Secret, isUse: boolean) => unknown;
  /** Without it nobody sends or gets the content of images. */
  images?: Pick<ImageContentOptions, "images" | "settings" | "audit" | "pace" | "askMs"> & {
    /** @throws IDENTITY.… */
    identify: (token: Secret) => Omit<Caller, "address">;
  };
  /** Milliseconds in which a body has to come whole that is no image. */
  bodyTimeoutMs?: number;
  /** PEM texts. Without them plain HTTP, for tests and benchmarks on loopback. */
  tls?: { key: string; cert: string };
};

export type CloudServer = {
  server: FastifyInstance;
  /** Not listening yet; see {@link rootDoorOf}. */
  rootDoor: Server;
};

/** A request that has not come whole by then is given up, so that half ones do not pile up. */
const requestTimeoutMs = 30_000;
const idleConnectionMs = 75_000;
/** Names, descriptions and lists; never an image, which comes from where it lies. */
const longestBody = 256 * 1024;
const mostConnections = 2_000;

/** The cloud's API over HTTP: a route for each call of the table, all errors in one shape. Not listening yet. */
export function createCloudServer(options: CloudServerOptions): CloudServer {
  const { dispatcher, log, tls, mirror, authenticate, bodyTimeoutMs = requestTimeoutMs } = options;
  const server = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request costs a twentieth of a call, and nothing is logged by it.
    childLoggerFactory: (logger) => logger,
    bodyLimit: longestBody,
    // That of an image may take hours: see `limitBodies`.
    requestTimeout: 0,
    keepAliveTimeout: idleConnectionMs,
    // A URL as long as a query may be; longer ones are refused by Node itself.
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, _request, reply) => void sendError(reply, requestError(error), log),
    clientErrorHandler: refuseNonsense,
    ...(tls === undefined ? {} : { https: { ...tls, minVersion: "TLSv1.2" as const } }),
  }) as unknown as FastifyInstance;
  server.server.maxConnections = mostConnections;
  server.server.headersTimeout = requestTimeoutMs;
  limitBodies(server, bodyTimeoutMs, refuseNonsense, sendsImage);
  server.setErrorHandler((error, _request, reply) => sendError(reply, requestError(error), log));
  server.setNotFoundHandler((request, reply) => sendError(reply, unknownCall(request), log));
  for (const name of cloudCallNames) addRoute(server, dispatcher, name, log);
  const admit = (request: FastifyRequest, isUse: boolean) => {
    if (!cameByRootDoor(request)) authenticate(new Secret(tokenOf(request) ?? ""), isUse);
  };
  const streams = addStreams(server, { mirror, authenticate: admit });
  const contents = options.images === undefined ? undefined : addImages(server, mirror, options.images);
  server.addHook("preClose", () => {
    streams.closeAll();
    contents?.end();
  });
  addDocument(server);
  const limits = { requestTimeoutMs: 0, headersTimeoutMs: requestTimeoutMs, mostConnections };
  return { server, rootDoor: rootDoorOf(server, { ...limits, refuse: refuseNonsense }) };
}

function addImages(
  server: FastifyInstance,
  mirror: Mirror,
  { identify, ...options }: NonNullable<CloudServerOptions["images"]>,
): { end(): void } {
  const callerOf = (request: FastifyRequest) => ({
    ...(cameByRootDoor(request) ? rootCaller : identify(new Secret(tokenOf(request) ?? ""))),
    address: request.ip ?? "local",
  });
  return addImageContent(server, { ...options, mirror, callerOf });
}

/** The calls as a document of OpenAPI, for whoever asks: clients are made of it before anybody logs in. */
function addDocument(server: FastifyInstance): void {
  let document: string | undefined;
  server.get("/v1/openapi.json", (_request, reply) => {
    document ??= JSON.stringify(openApiDocument({ version, statusOf }));
    return reply.type("application/json").send(document);
  });
}

function addRoute(
  server: FastifyInstance,
  dispatcher: CloudServerOptions["dispatcher"],
  name: CloudCallName,
  log: FastifyBaseLogger,
): void {
  const call: CloudCall = cloudCalls[name];
  const hasBody = call.method === "POST" || call.method === "PUT";
  server.route({
    method: call.method,
    url: call.path,
    handler: async (request, reply) => {
      try {
        const given = hasBody ? fromBody(request) : inputFromTexts(call.input, fromQuery(request));
        const answer = await dispatcher.run(name, given, {
          token: tokenOf(request),
          isRoot: cameByRootDoor(request),
          address: request.ip ?? "local",
          requestBytes: Number(request.headers["content-length"] ?? 0) || 0,
          idempotencyKey: single(request.headers["idempotency-key"]),
        });
        return reply.code(call.mode === "task" ? 202 : 200).send(answer);
      } catch (error) {
        return sendError(reply, toCloudError(error), log);
      }
    },
  });
}

/** The arguments in the body and the path. @throws SYS.1010 */
function fromBody({ body, params }: FastifyRequest): unknown {
  const inPath = params as Readonly<Record<string, string>>;
  if (body === undefined || body === null) return inPath;
  if (typeof body !== "object" || Array.isArray(body))
    throw refused("SYS.1010", "body", "The body is not a JSON object.", "Give the arguments as one JSON object.");
  checkPath(inPath, body, "body");
  return { ...body, ...inPath };
}

/** The arguments in the query string and the path. @throws SYS.1010 */
function fromQuery({ query, params }: FastifyRequest): Record<string, string | readonly string[]> {
  const inQuery = query as Readonly<Record<string, string | readonly string[]>>;
  const inPath = params as Readonly<Record<string, string>>;
  checkPath(inPath, inQuery, "query string");
  return { ...inQuery, ...inPath };
}

/** What is in the path counts: who says otherwise elsewhere has made a mistake. @throws SYS.1010 */
function checkPath(inPath: Readonly<Record<string, string>>, given: object, place: string): void {
  for (const [field, value] of Object.entries(given))
    if (Object.hasOwn(inPath, field) && value !== inPath[field])
      throw refused("SYS.1010", field, `Path and ${place} name different ones.`, `Leave it out of the ${place}.`);
}

/** The scheme's name may be in any case. RFC 9110, 11.1. */
function tokenOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return authorization === undefined ? undefined : /^Bearer +(.*)$/i.exec(authorization)?.[1];
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

export function sendError(reply: FastifyReply, error: CloudError, log: FastifyBaseLogger): FastifyReply {
  const status = statusOf(error.code);
  if (status >= 500) log.error({ err: error }, error.message);
  const { retryAfterMs } = error.values;
  if (typeof retryAfterMs === "number") void reply.header("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  return reply.code(status).send(error.toBody());
}

function refused(code: Refusal["code"], where: string, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf(code, { where, details, remedy }));
}

function unknownCall({ method, url }: FastifyRequest): CloudError {
  // What follows the path may hold a password that somebody has put there.
  const [path = ""] = url.split("?");
  const details = `${method} ${shown(path.slice(0, 200))} is no call of this API.`;
  return refused("SYS.1008", "path", details, "GET /v1/openapi.json lists all calls.");
}

/** What fastify refuses by itself: a body that is no JSON, or too large, or of another kind. */
function requestError(error: unknown): CloudError {
  if (error instanceof CloudError) return error;
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 413)
    return refused("SYS.1011", "body", `It has more than ${longestBody} bytes.`, "Give shorter texts or lists.");
  if (status === 415)
    return refused("SYS.1010", "content-type", "The body is not JSON.", "Send content-type: application/json.");
  if (typeof status === "number" && status < 500)
    return refused("SYS.1010", "request", "It is not a request with a JSON object.", "Send a JSON object, or no body.");
  return toCloudError(error);
}

const nonsense = {
  unreadable: "This is no request that can be read.",
  late: "It did not come whole in time.",
} as const;

const refuseNonsense = refusingNonsense((why) =>
  refused("SYS.1010", "request", nonsense[why], "Send one HTTP request at a time.").toBody(),
);
