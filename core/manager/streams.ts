import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type EventStream, openStream } from "../api/streams.ts";
import { taskStates } from "../model/cloud/operations.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { listed } from "../model/quote.ts";
import { summary } from "../orchestrator/calls/readers.ts";
import { isResourceKind, unmirroredKinds } from "../orchestrator/kinds.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { noSuchResource } from "../orchestrator/records.ts";

export type StreamOptions = {
  mirror: Mirror;
  /** Whether a request still may see the cloud. @throws CloudError IDENTITY.… */
  authenticate: (request: FastifyRequest) => void;
};

/** Changes that follow each other closely are told together: a screen can't show more, a slow line not carry more. */
const gatherMs = 250;
/** How often it is looked whether the session of a stream is still good. */
const checkMs = 15_000;
/** Streams at once: each costs memory for as long as its client reads slowly. */
const mostStreams = 500;

/** Kinds that no stream tells of: what is in them is for their owner, or grows without end. */
const untold = new Set(["Session", ...unmirroredKinds]);

/**
 * Server-sent events. `GET /v1/events`: a `summary` of the cloud at once and whenever it changes; with `kinds=Host,…`
 * also each `change` of such a resource, `inventory` null when it is gone. `GET /v1/tasks/UUID/events`: the `task` at once
 * and after each change, until it has ended. With `heartbeat=SECONDS` a comment comes that often, so that a
 * client learns sooner that the manager hangs.
 */
export function addStreams(server: FastifyInstance, options: StreamOptions): { closeAll(): void } {
  const open = new Set<EventStream>();
  const begin = (request: FastifyRequest, reply: FastifyReply, on: { close: () => void; drained?: () => void }) => {
    const checking = setInterval(() => {
      try {
        options.authenticate(request);
      } catch {
        stream.close();
      }
    }, checkMs);
    const close = () => {
      clearInterval(checking);
      open.delete(stream);
      on.close();
    };
    const stream = openStream(request, reply, { ...on, close }, heartbeatMsOf(request));
    open.add(stream);
    return stream;
  };
  const admit = (request: FastifyRequest) => {
    options.authenticate(request);
    if (open.size < mostStreams) return;
    const details = `${mostStreams} streams of events are open already.`;
    throw new CloudError(
      refusalOf("SYS.1013", { where: "events", details, remedy: "Close others, or ask by queries." }),
    );
  };
  server.get("/v1/events", (request, reply) => {
    admit(request);
    const kinds = kindsOf(request);
    followCloud(options.mirror, kinds, (on) => begin(request, reply, on));
  });
  server.get("/v1/tasks/:uuid/events", (request, reply) => {
    admit(request);
    const { uuid } = request.params as { uuid: string };
    if (options.mirror.get("Task", uuid) === undefined) throw noSuchResource("Task", uuid, "uuid");
    followTask(options.mirror, uuid, (on) => begin(request, reply, on));
  });
  return {
    closeAll() {
      for (const stream of [...open]) stream.close();
    },
  };
}

/** `heartbeat=SECONDS`, from 1 to 60: how often a comment tells that the manager does not hang. 5 unless told. */
function heartbeatMsOf({ query }: FastifyRequest): number {
  const { heartbeat = "5" } = query as { heartbeat?: string | string[] };
  const seconds = Number(heartbeat);
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= 60 ? seconds * 1000 : 5_000;
}

type Begin = (on: { close: () => void; drained?: () => void }) => EventStream;

function kindsOf({ query }: FastifyRequest): ReadonlySet<string> {
  const { kinds = "" } = query as { kinds?: string | string[] };
  const names = String(kinds)
    .split(",")
    .filter((name) => name !== "");
  const wrong = names.filter((name) => !isResourceKind(name) || untold.has(name));
  if (wrong.length === 0) return new Set(names);
  const details = `No stream tells of ${listed(wrong)}.`;
  throw new CloudError(
    refusalOf("SYS.1001", { where: "kinds", details, remedy: "Give kinds such as Host,VmInstance." }),
  );
}

function followCloud(mirror: Mirror, kinds: ReadonlySet<string>, begin: Begin): void {
  let told = "";
  let timer: NodeJS.Timeout | undefined;
  /** What is to be told, by kind and uuid: of several changes of one resource only the last. */
  let waiting = new Map<string, { kind: string; uuid: string; inventory: unknown }>();
  const tell = () => {
    timer = undefined;
    const text = JSON.stringify(summary(mirror));
    if (text !== told && stream.sendText("summary", text)) told = text;
    const changes = waiting;
    waiting = new Map();
    for (const [key, change] of changes)
      if (!stream.sendText("change", JSON.stringify(change))) waiting.set(key, change);
  };
  const unsubscribe = mirror.subscribe((changes) => {
    for (const { kind, key, after } of changes)
      if (kinds.has(kind)) waiting.set(`${kind}/${key}`, { kind, uuid: key, inventory: after?.value ?? null });
    timer ??= setTimeout(tell, gatherMs);
  });
  const stream = begin({
    close: () => {
      clearTimeout(timer);
      unsubscribe();
    },
    drained: tell,
  });
  tell();
}

const endedStates: ReadonlySet<string> = new Set(taskStates.filter((state) => /ed$/.test(state)));

function followTask(mirror: Mirror, uuid: string, begin: Begin): void {
  const tell = () => {
    const task = mirror.get("Task", uuid)?.value;
    if (task !== undefined && !stream.sendText("task", JSON.stringify(task))) return;
    if (task === undefined || endedStates.has(task.state)) stream.close();
  };
  const unsubscribe = mirror.subscribe((changes) => {
    if (changes.some(({ kind, key }) => kind === "Task" && key === uuid)) tell();
  });
  const stream = begin({ close: unsubscribe, drained: tell });
  tell();
}
