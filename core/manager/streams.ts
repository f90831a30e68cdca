import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type EventStream, openStream } from "../api/streams.ts";
import { taskStates } from "../model/cloud/operations.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { listed } from "../model/quote.ts";
import { isResourceKind, unmirroredKinds } from "../orchestrator/kinds.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { noSuchResource } from "../orchestrator/records.ts";
import { CloudFeed, type ToldChange } from "./cloud-feed.ts";

export type StreamOptions = {
  mirror: Mirror;
  /** Whether a request may see the cloud. `isUse` false: it is only looked whether it still may. @throws IDENTITY.… */
  authenticate: (request: FastifyRequest, isUse: boolean) => void;
};

/** How often it is looked whether the session of a stream is still good; one that is ended is seen at once. */
const checkMs = 15_000;
/** Streams at once: each costs memory for as long as its client reads slowly. */
const mostStreams = 500;

/** Kinds that no stream tells of: what is in them is for their owner, or grows without end. */
const untold = new Set(["Session", ...unmirroredKinds]);
/** Kinds by whose changes a session may end. */
const sessionKinds: ReadonlySet<string> = new Set(["SessionToken", "Credential", "User"]);

/**
 * Server-sent events. `GET /v1/events`: a `summary` of the cloud at once and whenever it changes; with `kinds=Host,…`
 * also each `change` of such a resource, `inventory` null when it is gone. `GET /v1/tasks/UUID/events`: the `task` at once
 * and after each change, until it has ended. With `heartbeat=SECONDS` a comment comes that often, so that a
 * client learns sooner that the manager hangs.
 */
export function addStreams(server: FastifyInstance, options: StreamOptions): { closeAll(): void } {
  const { mirror, authenticate } = options;
  const feed = new CloudFeed(mirror);
  const open = new Map<EventStream, FastifyRequest>();
  const check = () => {
    for (const [stream, request] of open)
      try {
        // A stream that goes on by itself is no use: else nobody who leaves a screen open would ever be logged out.
        authenticate(request, false);
      } catch {
        stream.close();
      }
  };
  const watching = new Watching(mirror, check);
  const begin = (request: FastifyRequest, reply: FastifyReply, on: { close: () => void; drained?: () => void }) => {
    const close = () => {
      open.delete(stream);
      watching.isWanted(open.size > 0);
      on.close();
    };
    const stream = openStream(request, reply, { ...on, close }, heartbeatMsOf(request));
    open.set(stream, request);
    watching.isWanted(true);
    return stream;
  };
  const admit = (request: FastifyRequest) => {
    authenticate(request, true);
    if (open.size < mostStreams) return;
    const details = `${mostStreams} streams of events are open already.`;
    throw new CloudError(
      refusalOf("SYS.1013", { where: "events", details, remedy: "Close others, or ask by queries." }),
    );
  };
  server.get("/v1/events", (request, reply) => {
    admit(request);
    const kinds = kindsOf(request);
    followCloud(feed, kinds, (on) => begin(request, reply, on));
  });
  server.get("/v1/tasks/:uuid/events", (request, reply) => {
    admit(request);
    const { uuid } = request.params as { uuid: string };
    if (mirror.get("Task", uuid) === undefined) throw noSuchResource("Task", uuid, "uuid");
    followTask(mirror, uuid, (on) => begin(request, reply, on));
  });
  return {
    closeAll() {
      for (const stream of [...open.keys()]) stream.close();
    },
  };
}

/** `heartbeat=SECONDS`, from 1 to 60: how often a comment tells that the manager does not hang. 5 unless told. */
function heartbeatMsOf({ query }: FastifyRequest): number {
  const { heartbeat = "5" } = query as { heartbeat?: string | string[] };
  const seconds = Number(heartbeat);
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= 60 ? seconds * 1000 : 5_000;
}

/** Looks at the sessions of all streams from time to time, and when one may have ended; only while there are streams. */
class Watching {
  readonly #mirror: Mirror;
  readonly #check: () => void;
  #end: (() => void) | undefined;

  constructor(mirror: Mirror, check: () => void) {
    this.#mirror = mirror;
    this.#check = check;
  }

  isWanted(isWanted: boolean): void {
    if (!isWanted) {
      this.#end?.();
      this.#end = undefined;
      return;
    }
    this.#end ??= this.#begin();
  }

  #begin(): () => void {
    const timer = setInterval(this.#check, checkMs);
    const unsubscribe = this.#mirror.subscribe((changes) => {
      if (changes.some(({ kind, before }) => before !== undefined && sessionKinds.has(kind))) this.#check();
    });
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  }
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

function followCloud(feed: CloudFeed, kinds: ReadonlySet<string>, begin: Begin): void {
  let told = "";
  /** What its client was too slow for, by kind and uuid: of several changes of one resource only the last. */
  const waiting = new Map<string, ToldChange>();
  const tell = (text: string) => {
    if (text !== told && stream.sendText("summary", text)) told = text;
    for (const [key, { json }] of waiting) if (stream.sendText("change", json)) waiting.delete(key);
  };
  const unfollow = feed.follow({
    kinds,
    tell: (text, changes) => {
      if (kinds.size > 0) for (const [key, change] of changes) if (kinds.has(change.kind)) waiting.set(key, change);
      tell(text);
    },
  });
  const stream = begin({ close: unfollow, drained: () => tell(feed.summary()) });
  tell(feed.summary());
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
