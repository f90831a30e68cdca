import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { type EventData, type EventName, eventsPath } from "../../core/api/contract.ts";
import { historyStepMs, type Series } from "../../core/model/history.ts";
import type { Agent, Workshop } from "./programs.ts";

/** So many steps of history fill the graphs of any screen here. */
const historySteps = 120;

export type LivelyNode = { socketPath: string; close(): Promise<void> };

/**
 * An agent that only sends events: those of this machine, but with graphs that are full and figures that move at every
 * reading, the same in every run. No real machine can be made to look like this within a benchmark's time.
 */
export async function livelyNode(workshop: Workshop, agent: Agent): Promise<LivelyNode> {
  const { client } = agent;
  const [status, nodeSettings, consoleSettings, facts] = await Promise.all([
    client.call("status", {}),
    client.call("nodeSettings", {}),
    client.call("consoleSettings", {}),
    client.call("facts", {}),
  ]);
  const cpu = walk(1);
  const memory = walk(2);
  const followers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url !== eventsPath) return void response.writeHead(404).end("{}");
    response.writeHead(200, { "content-type": "text/event-stream" });
    send(response, "status", status);
    send(response, "nodeSettings", nodeSettings);
    send(response, "consoleSettings", consoleSettings);
    send(response, "history", { cpu: series(walk(3)), memory: series(walk(4)) });
    send(response, "facts", facts);
    followers.add(response);
    response.on("close", () => followers.delete(response));
  });

  let second = 0;
  const timer = setInterval(() => {
    second++;
    const at = Date.now();
    const changed: EventData<"facts"> = {};
    if (facts.cpu.state === "value") changed.cpu = { ...facts.cpu, at, value: { ...facts.cpu.value, usage: cpu() } };
    if (facts.memory.state === "value" && second % 2 === 0) {
      const { value } = facts.memory;
      changed.memory = { ...facts.memory, at, value: { ...value, usedBytes: memory() * value.totalBytes } };
    }
    if (facts.time.state === "value" && second % 5 === 0) {
      const { value } = facts.time;
      const load: typeof value.load = [2 * cpu(), value.load[1], value.load[2]];
      const uptimeSeconds = value.uptimeSeconds + second;
      changed.time = { ...facts.time, at, value: { ...value, now: at, uptimeSeconds, load } };
    }
    for (const response of followers) send(response, "facts", changed);
  }, 1000);

  const socketPath = join(workshop.folder(), "lively.sock");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    close: () => {
      clearInterval(timer);
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function send<N extends EventName>(response: ServerResponse, name: N, data: EventData<N>): void {
  response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

function series(next: () => number): Series {
  const bucket = Math.floor(Date.now() / historyStepMs);
  return { stepMs: historyStepMs, bucket, values: Array.from({ length: historySteps }, next), samples: 1 };
}

/** Shares between 0.05 and 0.95 that go up and down by up to 0.15, as a loaded machine's do. */
function walk(seed: number): () => number {
  let state = seed * 2_654_435_761;
  let share = 0.5;
  return () => {
    // Numerical Recipes' linear congruential generator: any will do.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    share = Math.min(Math.max(share + 0.3 * (state / 2 ** 32 - 0.5), 0.05), 0.95);
    return share;
  };
}
