import * as http from "node:http";
import { createParser } from "eventsource-parser";
import type { NodeError } from "../model/error.ts";
import { jsonOrNothing } from "../model/json.ts";

export type Subscription = { close(): void };

/** What goes wrong with a stream, in the words of whoever follows it. */
export type StreamFaults = {
  /** The other end does not speak the protocol; `where` says in which part. */
  nonsense(where: string | undefined): NodeError;
  refused(json: unknown, status: number): NodeError;
  silent(ms: number): NodeError;
  broken(error: Error & { code?: string }): NodeError;
  ended(): NodeError;
};

export type FollowOptions = {
  /** Where to, with the headers of this moment: asked for anew at each attempt. */
  target: () => http.RequestOptions;
  /** The other end sends a comment every few seconds: a stream that says nothing for so long hangs. */
  silenceMs: number;
  /** Between two attempts at most; the first one comes after 100 ms, and each pause is twice the one before. */
  longestPauseMs: number;
  onOpen?: (() => void) | undefined;
  /** Something came, be it only a comment. */
  onHeard?: (() => void) | undefined;
  onEvent: (name: string, data: unknown) => void;
  /** The stream broke or could not be opened; it is tried again by itself. */
  onLost?: ((error: NodeError) => void) | undefined;
  faults: StreamFaults;
};

const firstPauseMs = 100;
const mostBufferedBytes = 4_000_000;
const mostErrorLength = 100_000;

/** Follows a stream of server-sent events, reconnecting until closed. Nothing is called after `close`. */
export function followEvents(options: FollowOptions): Subscription {
  const { faults, silenceMs } = options;
  let closed = false;
  let request: http.ClientRequest | undefined;
  let retry: NodeJS.Timeout | undefined;
  let pauseMs = firstPauseMs;
  let silence: NodeJS.Timeout | undefined;

  const lost = (error: NodeError) => {
    clearTimeout(silence);
    request?.destroy();
    if (closed || retry !== undefined) return;
    options.onLost?.(error);
    retry = setTimeout(open, pauseMs);
    pauseMs = Math.min(pauseMs * 2, options.longestPauseMs);
  };
  const open = () => {
    retry = undefined;
    const parser = createParser({
      maxBufferSize: mostBufferedBytes,
      onEvent: (event) => {
        if (closed) return;
        const data = jsonOrNothing(event.data);
        if (data === undefined) lost(faults.nonsense(event.event));
        else options.onEvent(event.event ?? "", data);
      },
      onError: () => lost(faults.nonsense("stream")),
    });
    const current = http.request(options.target());
    request = current;
    const watch = () => {
      clearTimeout(silence);
      silence = setTimeout(() => lost(faults.silent(silenceMs)), silenceMs);
    };
    watch();
    current.on("response", (response) => {
      response.setEncoding("utf8");
      if (response.statusCode !== 200) {
        let text = "";
        response.on("data", (chunk: string) => {
          if (text.length < mostErrorLength) text += chunk;
        });
        response.on("end", () => lost(faults.refused(jsonOrNothing(text), response.statusCode ?? 0)));
        return;
      }
      pauseMs = firstPauseMs;
      if (!closed) options.onOpen?.();
      response.on("data", (chunk: string) => {
        watch();
        if (!closed) options.onHeard?.();
        parser.feed(chunk);
      });
      response.on("end", () => current === request && lost(faults.ended()));
      response.on("error", (error) => current === request && lost(faults.broken(error)));
    });
    current.on("error", (error) => current === request && lost(faults.broken(error)));
    current.end();
  };
  open();
  return {
    close: () => {
      closed = true;
      clearTimeout(retry);
      clearTimeout(silence);
      request?.destroy();
    },
  };
}
