import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer, type Server as HttpsServer } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { listenOn } from "../api/listen.ts";
import { cloudCalls } from "../model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";
import { statusOf } from "./failure.ts";

/*
 * A manager whose etcd can't be reached when it starts: it is there, answers at once whatever it is asked that it has no
 * store, and goes on when etcd is back, be that after hours.
 */

export type WaitOptions<T> = {
  /** An attempt, which ends in bounded time. */
  open: () => Promise<T>;
  /** Begins to answer in the manager's place; gives what ends that. */
  standIn: () => Promise<() => Promise<void>>;
  /** Told once, with why the first attempt failed. */
  onWait: (error: NodeError) => void;
  /** Milliseconds between two attempts. */
  pauseMs?: number;
};

/** What `open` gives, as soon as the store can be reached. @throws what it throws, but for STORE.UNREACHABLE */
export async function whenReached<T>({ open, standIn, onWait, pauseMs = 1_000 }: WaitOptions<T>): Promise<T> {
  let end: (() => Promise<void>) | undefined;
  try {
    for (;;) {
      const found = await attempted(open);
      if ("opened" in found) return found.opened;
      if (end === undefined) {
        end = await standIn();
        onWait(found.unreachable);
      }
      await pause(pauseMs);
    }
  } finally {
    await end?.();
  }
}

async function attempted<T>(open: () => Promise<T>): Promise<{ opened: T } | { unreachable: NodeError }> {
  try {
    return { opened: await open() };
  } catch (error) {
    if (error instanceof NodeError && error.code === "STORE.UNREACHABLE") return { unreachable: error };
    throw error;
  }
}

export type StandInOptions = {
  tls: { key: string; cert: string };
  host: string;
  port: number;
  /** Of root's door. */
  socketPath: string;
};

const [requestTimeoutMs, mostConnections] = [30_000, 2_000];

/** Answers every call, at the API's port and at root's door, with the error of a store that can't be reached. */
export async function standInFor({ tls, host, port, socketPath }: StandInOptions) {
  const limits = { requestTimeout: requestTimeoutMs };
  const api = createTlsServer({ ...tls, ...limits, minVersion: "TLSv1.2" }, answerWithoutStore);
  const rootDoor = createServer(limits, answerWithoutStore);
  for (const server of [api, rootDoor]) server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    api.once("error", reject);
    api.listen({ host, port }, resolve);
  });
  const release = await listenOn(rootDoor, socketPath, 0o600);
  const end = async () => {
    await Promise.all([api, rootDoor].map(closed));
    release();
  };
  return { api, end };
}

function closed(server: Server | HttpsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const { path: readyPath } = cloudCalls.IsReady;

/** Says nothing of where the store is: anybody may ask. */
const answerWithoutStore: RequestListener = (request, response) => {
  const isReady = request.method === "GET" && request.url?.split("?")[0] === readyPath;
  const refusal = refusalOf("SYS.1009", {
    where: "store",
    details: "etcd can't be reached; this manager waits until it can.",
    remedy: "See on the management node why: zstack-ctl diagnose, and journalctl -u binnacle-manager.",
    values: { store: "STORE.UNREACHABLE" },
  });
  request.resume();
  response
    .writeHead(isReady ? 200 : statusOf(refusal.code), {
      "content-type": "application/json",
      ...(isReady ? {} : { "retry-after": "5" }),
      connection: "close",
    })
    .end(JSON.stringify(isReady ? { ready: false } : new CloudError(refusal).toBody()));
};
