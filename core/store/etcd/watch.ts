import { setTimeout as pause } from "node:timers/promises";
import { compacted, parseValue } from "../record.ts";
import type { WatchBatch, WatchEvent, WatchOptions } from "../store.ts";
import { type WatchMessage, watchMessage } from "./answers.ts";
import type { EtcdClient } from "./client.ts";
import { AttemptFailed, classify, type Failure, refused, unreachable } from "./failure.ts";
import type { Keys } from "./keys.ts";

/** A member that follows nobody any more, or is stopped, keeps silent: it is asked so often whether it is there. */
const heartbeatMs = 3000;
/** So long a watch looks for a member that serves it before it gives up. */
const patienceMs = 30_000;
const retryMs = 200;
/** A member that was just started may not know yet what a user may do. */
const mostDenials = 3;

/** Follows the records over the loss of members; each revision is told once, and whole. */
export async function* watchRecords(
  client: EtcdClient,
  keys: Keys,
  { after, kinds, signal }: WatchOptions,
): AsyncGenerator<WatchBatch, void, undefined> {
  const ending = AbortSignal.any([client.closing, ...(signal === undefined ? [] : [signal])]);
  const isWatched = (kind: string) => kinds === undefined || kinds.includes(kind);
  const only = kinds?.length === 1 ? kinds[0] : undefined;
  let last = after;
  let failingSince: number | undefined;
  let denials = 0;
  while (!ending.aborted) {
    const endpoint = client.endpoint;
    const heart = new Heartbeat(client, keys, endpoint, ending, () => {
      failingSince = undefined;
    });
    try {
      const request = { ...keys.records(only), start_revision: String(last + 1), fragment: true };
      const stream = client.stream(endpoint, "/v3/watch", { create_request: request }, heart.signal);
      let fragments: WatchMessage["events"] = [];
      for await (const message of stream) {
        const { result } = watchMessage.parse(message);
        if (result.canceled) throw cancellation(result, last);
        if (result.created) continue;
        [failingSince, denials] = [undefined, 0];
        fragments.push(...result.events);
        if (result.fragment) continue;
        const events = fragments;
        fragments = [];
        for (const batch of batches(events, keys)) {
          if (batch.revision <= last) continue;
          last = batch.revision;
          const watched = batch.events.filter((event) =>
            isWatched(event.type === "put" ? event.record.kind : event.kind),
          );
          if (watched.length > 0) yield { revision: batch.revision, events: watched };
          if (ending.aborted) return;
        }
      }
    } catch (error) {
      if (ending.aborted) return;
      if (!(error instanceof AttemptFailed)) throw error;
      const { failure } = error;
      if (failure.kind === "refused" && (failure.code !== "STORE.DENIED" || ++denials >= mostDenials))
        throw refused(failure.why, failure.code);
      failingSince ??= performance.now();
      if (performance.now() - failingSince > patienceMs) throw unreachable(client.endpoints, failure.why);
      client.forgetToken();
    } finally {
      heart.stop();
    }
    client.leave(endpoint);
    await pause(retryMs, undefined, { signal: ending }).catch(() => undefined);
  }
}

function cancellation({ compact_revision, cancel_reason }: WatchMessage, last: number): Error {
  if (compact_revision > 0) return compacted(last, compact_revision);
  const failure: Failure = classify(cancel_reason, undefined);
  return new AttemptFailed(failure);
}

/** What etcd sends at once may be several revisions; a revision is never divided over two messages. */
function batches(events: WatchMessage["events"], keys: Keys): WatchBatch[] {
  const found = new Map<number, WatchEvent[]>();
  for (const { type, kv } of events) {
    const { kind, key } = keys.nameOf(kv.key);
    const revision = kv.mod_revision;
    const text = Buffer.from(kv.value, "base64").toString();
    const event: WatchEvent =
      type === "DELETE"
        ? { type: "delete", kind, key, revision }
        : { type: "put", record: { kind, key, value: parseValue(kind, key, text), revision } };
    const batch = found.get(revision);
    if (batch === undefined) found.set(revision, [event]);
    else batch.push(event);
  }
  return [...found].map(([revision, list]) => ({ revision, events: list }));
}

/** Aborts its signal when the member no longer answers, or answers without a quorum behind it. */
class Heartbeat {
  readonly #stopped = new AbortController();
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: EtcdClient, keys: Keys, endpoint: string, ending: AbortSignal, onAnswer: () => void) {
    this.signal = AbortSignal.any([ending, this.#stopped.signal]);
    const beat = () => {
      const question = { key: keys.schema, keys_only: true };
      client.attempt(endpoint, "/v3/kv/range", question, client.attemptMs).then(
        () => {
          onAnswer();
          this.#next(beat);
        },
        (error: unknown) => {
          // A token that has run out says nothing about the stream.
          if (error instanceof AttemptFailed && error.failure.kind === "token") this.#next(beat);
          else this.stop();
        },
      );
    };
    this.#next(beat);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  #next(beat: () => void): void {
    if (!this.signal.aborted) this.#timer = setTimeout(beat, heartbeatMs);
  }
}
