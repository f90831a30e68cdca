import type { Server } from "node:http";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type * as z from "zod/mini";
import { NodeError } from "../model/error.ts";
import { type CallName, type Calls, calls, consoleHeader, consoleName, rootConsole } from "./contract.ts";
import { cameByRootDoor, refusingNonsense, rootDoorOf } from "./doors.ts";

/** Who makes a call: the console it names, and its token when it holds a session. `isRoot`: it came through root's door. */
export type Caller = { console: string; token: string | undefined; isRoot?: boolean };

export type Request<N extends CallName> = {
  body: z.output<Calls[N]["body"]>;
  query: z.output<Calls[N]["query"]>;
  params: z.output<Calls[N]["params"]>;
  caller: Caller;
};

/** One handler for each call of the contract. */
export type Handlers = {
  [N in CallName]: (request: Request<N>) => Promise<z.output<Calls[N]["response"]>> | z.output<Calls[N]["response"]>;
};

export type ServerOptions = {
  handlers: Handlers;
  /** Throws AUTH.NO_SESSION when the caller holds no live session. */
  requireSession: (caller: Caller) => void;
  log: FastifyBaseLogger;
};

/** A request that has not come whole by then is given up, so that half ones do not pile up. */
const requestTimeoutMs = 30_000;
/** A console has up to ten connections. Those beyond this many are turned away; those that are open go on. */
const mostConnections = 200;

/** An HTTP server with a route for each call of the contract: validated by its schema, refused as its access says. */
export function createServer(options: ServerOptions): FastifyInstance {
  const server = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 256 * 1024,
    requestTimeout: requestTimeoutMs,
    // What the router refuses by itself: a path that is not decodable or too long.
    frameworkErrors: (error, _request, reply) => void sendError(reply, toNodeError(error), options.log),
    clientErrorHandler: refuseNonsense,
  });
  server.server.maxConnections = mostConnections;
  server.setErrorHandler((error, _request, reply) => sendError(reply, toNodeError(error), options.log));
  server.setNotFoundHandler((request, reply) =>
    sendError(
      reply,
      new NodeError("API.UNKNOWN_CALL", `There is no call ${request.method} ${request.url}.`),
      options.log,
    ),
  );
  for (const name of Object.keys(calls) as CallName[]) addRoute(server, name, options);
  return server;
}

/** Root is called `root` there; see {@link rootDoorOf}. */
export function rootDoor(server: FastifyInstance): Server {
  return rootDoorOf(server, { requestTimeoutMs, mostConnections, refuse: refuseNonsense });
}

function addRoute<N extends CallName>(server: FastifyInstance, name: N, options: ServerOptions): void {
  const { method, path, access, body, query, params } = calls[name];
  server.route({
    method,
    url: path,
    handler: async (request, reply) => {
      const caller = callerOf(request);
      if (access === "session") options.requireSession(caller);
      const handle = options.handlers[name];
      const answer = await handle({
        body: parse(body, request.body ?? undefined, "body"),
        query: parse(query, emptyToUndefined(query, request.query), "query"),
        params: parse(params, emptyToUndefined(params, request.params), "path"),
        caller,
      } as Request<N>);
      return reply.send(answer);
    },
  });
}

/** The console and token of a request; API.BAD_CONSOLE when the console's name is absent or malformed. */
export function callerOf(request: FastifyRequest): Caller {
  if (cameByRootDoor(request)) return { console: rootConsole, token: undefined, isRoot: true };
  const parsed = consoleName.safeParse(request.headers[consoleHeader]);
  if (!parsed.success || parsed.data === rootConsole)
    throw new NodeError("API.BAD_CONSOLE", `The header ${consoleHeader} must name the console that calls.`);
  const authorization = request.headers.authorization;
  const token = authorization?.startsWith("Bearer ") ? authorization.slice("Bearer ".length) : undefined;
  return { console: parsed.data, token };
}

export function sendError(reply: FastifyReply, error: NodeError, log: FastifyBaseLogger): FastifyReply {
  if (statusOf(error.code) === 500) log.error({ err: error }, error.message);
  return reply.code(statusOf(error.code)).send(error.toBody());
}

const nonsense = {
  unreadable: "This is no request that can be read.",
  late: "The request did not come whole in time.",
} as const;

export const refuseNonsense = refusingNonsense((why) => new NodeError("API.BAD_REQUEST", nonsense[why]).toBody());

/** Calls without a query or parameters take `undefined`, but fastify gives an empty object. */
function emptyToUndefined(schema: z.ZodMiniType, value: unknown): unknown {
  return schema.def.type === "undefined" ? undefined : value;
}

export function parse<S extends z.ZodMiniType>(schema: S, value: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = [where, ...(issue?.path ?? [])].join(".");
  // The value itself is not repeated: it may be a password.
  throw new NodeError("API.BAD_REQUEST", `${field}: ${issue?.message ?? "not understood"}.`, { values: { field } });
}

export function toNodeError(error: unknown): NodeError {
  if (error instanceof NodeError) return error;
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (typeof status === "number" && status < 500 && error instanceof Error)
    return new NodeError("API.BAD_REQUEST", error.message);
  return new NodeError("SYS.INTERNAL", "The agent failed in a way that it was not made for.", {
    remedy: "The agent's log says more; the call can be tried again.",
    cause: error,
  });
}

/** HTTP status for an error code; the code, not the status, is what programs look at. */
function statusOf(code: string): number {
  const byCode: Record<string, number> = {
    "AUTH.WRONG_PASSWORD": 401,
    "AUTH.NO_SESSION": 401,
    "AUTH.SLOWED": 429,
    "CHANNEL.NOT_MANAGER": 403,
    "API.UNKNOWN_CALL": 404,
    "API.BAD_REQUEST": 400,
    "API.BAD_CONSOLE": 400,
    "SYS.INTERNAL": 500,
  };
  return byCode[code] ?? (code.endsWith(".UNKNOWN") ? 404 : 409);
}
