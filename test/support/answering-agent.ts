import { createServer, type ServerResponse } from "node:http";
import type { Answer } from "../../core/api/client.ts";
import { type CallName, calls } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";

/** What a call carried, checked by the contract's schemas. */
export type Asked = { call: CallName; params: Record<string, string>; body: unknown };

type Reply<N extends CallName> = Answer<N> | NodeError | "silence";
/** What the agent answers to each call, the same always or by what was asked; a call that is not there is refused. */
export type Replies = { [N in CallName]?: Reply<N> | ((asked: Asked) => Reply<N>) };

export type AnsweringAgent = {
  /** Every call so far, in order. */
  readonly asked: readonly Asked[];
  /** Resolves when a call has come that often. */
  until(call: CallName, times?: number): Promise<void>;
  close(): Promise<void>;
};

/** An agent of this release whose answers a test chooses: it checks what it is asked, and does nothing. */
export async function startAnsweringAgent(socketPath: string, replies: Replies): Promise<AnsweringAgent> {
  const asked: Asked[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      const found = match(request.method ?? "", new URL(request.url ?? "", "http://agent").pathname);
      if (found === undefined) return refuse(response, 404, `${request.method} ${request.url} is no call.`);
      const body = calls[found.call].body.safeParse(text === "" ? undefined : JSON.parse(text));
      if (!body.success) return refuse(response, 400, `${found.call}: ${JSON.stringify(body.error.issues)}`);
      const one: Asked = { ...found, body: body.data };
      asked.push(one);
      for (const wake of waiting) wake();
      const reply = replies[found.call];
      if (reply === undefined) return refuse(response, 500, `The test has no answer to ${found.call}.`);
      const chosen = typeof reply === "function" ? reply(one) : reply;
      if (chosen === "silence") return;
      if (chosen instanceof NodeError) return send(response, 409, chosen.toBody());
      return send(response, 200, chosen);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    asked,
    async until(call, times = 1) {
      while (asked.filter((each) => each.call === call).length < times)
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function match(method: string, path: string): { call: CallName; params: Record<string, string> } | undefined {
  for (const name of Object.keys(calls)) {
    if (!isCall(name) || calls[name].method !== method) continue;
    const pattern = calls[name].path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)");
    const found = new RegExp(`^${pattern}$`).exec(path);
    if (found !== null) return { call: name, params: { ...found.groups } };
  }
  return;
}

function isCall(name: string): name is CallName {
  return Object.hasOwn(calls, name);
}

function refuse(response: ServerResponse, status: number, description: string): void {
  send(response, status, new NodeError("TEST.REFUSED", description).toBody());
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
