import type { FastifyReply, FastifyRequest } from "fastify";
import type { AgentStatus, EventName } from "../api/contract.ts";
import type { Caller } from "../api/server.ts";
import type { EndReason, LiveSession } from "../api/sessions.ts";
import { type EventStream, openStream } from "../api/streams.ts";
import type { Facts, SomeFacts } from "../model/facts.ts";
import type { Histories } from "../model/history.ts";
import type { NetworkTransaction } from "../model/network/transaction.ts";
import type { ConsoleSettings, Job, NodeSettings, PublicView } from "../model/records.ts";
import { publicFacts, publicHistories } from "./facts/public.ts";

/** What a stream begins with, and is sent again after it fell behind. */
export type Snapshot = {
  status: () => Promise<AgentStatus>;
  nodeSettings: () => NodeSettings;
  consoleSettings: (console: string) => ConsoleSettings;
  histories: () => Histories;
  facts: () => Facts;
  jobs: () => readonly Job[];
  networkChange: () => NetworkTransaction | null;
};

type Subscriber = {
  stream: EventStream;
  console: string;
  session: LiveSession | undefined;
  /** That the session has ended, while it could not be told: the client did not read. */
  untold: EndReason | undefined;
};

/** All consoles that follow this agent's events, each with the view that it has a right to. */
export class EventHub {
  readonly #subscribers = new Set<Subscriber>();
  readonly #snapshot: Snapshot;
  readonly #onCount: (count: number) => void;

  /** `onCount` is told how many follow, whenever that changes. */
  constructor(snapshot: Snapshot, onCount: (count: number) => void) {
    this.#snapshot = snapshot;
    this.#onCount = onCount;
  }

  get count(): number {
    return this.#subscribers.size;
  }

  /** The consoles that follow now, each once. */
  consoles(): string[] {
    return [...new Set([...this.#subscribers].map((s) => s.console))];
  }

  async open(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    findSession: () => LiveSession | undefined,
  ): Promise<void> {
    // Asked before the stream begins, so that a failure is still an ordinary error answer.
    const status = await this.#snapshot.status();
    // Not before: the session may have ended meanwhile, and nothing would tell this stream.
    const session = findSession();
    const stream = openStream(request, reply, {
      close: () => {
        this.#subscribers.delete(subscriber);
        this.#onCount(this.#subscribers.size);
      },
      drained: () => void this.#catchUp(subscriber),
    });
    const subscriber: Subscriber = { stream, console: caller.console, session, untold: undefined };
    this.#subscribers.add(subscriber);
    this.#onCount(this.#subscribers.size);
    if (caller.token !== undefined && session === undefined) this.#sendLocked(subscriber, "revoked");
    this.#sendAll(subscriber, status);
  }

  /** What a client missed while it did not read. */
  async #catchUp(subscriber: Subscriber): Promise<void> {
    try {
      const status = await this.#snapshot.status();
      if (subscriber.untold !== undefined) this.#sendLocked(subscriber, subscriber.untold);
      this.#sendAll(subscriber, status);
    } catch {
      // It opens another one, and then gets the error as an answer.
      subscriber.stream.close();
    }
  }

  #sendLocked(subscriber: Subscriber, why: EndReason): void {
    subscriber.untold = send(subscriber.stream, "locked", { why }) ? undefined : why;
  }

  #sendAll(subscriber: Subscriber, status: AgentStatus): void {
    const { stream, console, session } = subscriber;
    send(stream, "status", status);
    send(stream, "nodeSettings", this.#snapshot.nodeSettings());
    send(stream, "consoleSettings", this.#snapshot.consoleSettings(console));
    this.#sendHistories(subscriber);
    send(stream, "networkChange", changeView(subscriber, this.#snapshot.networkChange()));
    if (session !== undefined) for (const job of [...this.#snapshot.jobs()].reverse()) send(stream, "job", job);
    send(stream, "facts", this.#view(subscriber, this.#snapshot.facts()));
  }

  #sendHistories({ stream, session }: Subscriber): void {
    const histories = this.#snapshot.histories();
    send(stream, "history", session === undefined ? publicHistories(histories, this.#publicView) : histories);
  }

  #view(subscriber: Subscriber, facts: Facts): Facts {
    return subscriber.session === undefined ? publicFacts(facts, this.#publicView) : facts;
  }

  get #publicView(): PublicView {
    return this.#snapshot.nodeSettings().publicView;
  }

  factsChanged(changed: SomeFacts): void {
    if (this.#subscribers.size === 0) return;
    const full = this.#snapshot.facts();
    const open = JSON.stringify(pick(full, changed));
    const shut = JSON.stringify(pick(publicFacts(full, this.#publicView), changed));
    for (const { stream, session } of this.#subscribers) stream.sendText("facts", session === undefined ? shut : open);
  }

  jobChanged(job: Job): void {
    for (const { stream, session } of this.#subscribers) if (session !== undefined) send(stream, "job", job);
  }

  /** Everybody sees that the network changes, from where and until when; what changes is for sessions. */
  networkChanged(transaction: NetworkTransaction): void {
    for (const subscriber of this.#subscribers)
      send(subscriber.stream, "networkChange", changeView(subscriber, transaction));
  }

  /** Settings or the mode changed: everybody gets everything anew, for the public view may be another one. */
  async settingsChanged(): Promise<void> {
    const status = await this.#snapshot.status();
    for (const subscriber of this.#subscribers) this.#sendAll(subscriber, status);
  }

  sessionEnded(ended: LiveSession, why: EndReason): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.session?.id !== ended.id) continue;
      subscriber.session = undefined;
      this.#sendLocked(subscriber, why);
      this.#sendHistories(subscriber);
      send(subscriber.stream, "networkChange", changeView(subscriber, this.#snapshot.networkChange()));
      send(subscriber.stream, "facts", this.#view(subscriber, this.#snapshot.facts()));
    }
  }

  closeAll(): void {
    for (const { stream } of [...this.#subscribers]) stream.close();
  }
}

function changeView({ session }: Subscriber, transaction: NetworkTransaction | null): NetworkTransaction | null {
  if (session !== undefined || transaction === null) return transaction;
  return { ...transaction, changes: [], probes: [], error: null };
}

/** False when the client reads too slowly: it gets everything anew when it has read what it was sent. */
function send(stream: EventStream, name: EventName, data: unknown): boolean {
  return stream.sendText(name, JSON.stringify(data));
}

function pick(facts: Facts, changed: SomeFacts): SomeFacts {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => Object.hasOwn(changed, name)));
}
