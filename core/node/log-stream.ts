import type { FastifyReply, FastifyRequest } from "fastify";
import { logQuery } from "../api/contract.ts";
import { callerOf, parse } from "../api/server.ts";
import type { Sessions } from "../api/sessions.ts";
import { type EventStream, openStream } from "../api/streams.ts";
import type { Logs } from "./logs.ts";

/**
 * Answers `GET /v1/logs/follow`: new lines of the journal as events, until the session ends or the client goes.
 *
 * @throws NodeError AUTH.NO_SESSION, API.BAD_REQUEST, LOGS.BAD_QUERY: before the stream begins, so as an ordinary answer
 */
export function followLogs(
  { logs, sessions }: { logs: Pick<Logs, "follow">; sessions: Sessions },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const caller = callerOf(request);
  const { id } = sessions.require(caller);
  const query = parse(logQuery, request.query, "query");
  let stream: EventStream | undefined;
  const stop = logs.follow(
    query,
    (line) => {
      // Looked at for each line: one that is idle too long may not have been swept yet.
      if (sessions.find(caller)?.id === id) stream?.sendText("line", JSON.stringify(line));
      else stream?.close();
    },
    () => stream?.close(),
  );
  const forget = sessions.onEnd((ended) => {
    if (ended.id === id) stream?.close();
  });
  stream = openStream(request, reply, {
    close: () => {
      forget();
      stop();
    },
  });
}
