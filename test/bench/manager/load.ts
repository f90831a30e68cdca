import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import * as z from "zod";

/*
 * Load on an HTTP server, by a process of its own: prepared requests over connections that are kept, each with its next
 * request once it has its answer. Written here because the generator shares the machine's cores with the server that is
 * measured: a library's takes as much of them as the server.
 */

const plan = z.object({
  to: z.union([z.object({ port: z.number() }), z.object({ socketPath: z.string() })]),
  isTls: z.boolean(),
  connections: z.number(),
  /** Milliseconds before anything is counted, and while it is. */
  warmUpMs: z.number(),
  ms: z.number(),
  headers: z.record(z.string(), z.string()),
  method: z.string(),
  /** One after the other, then from the beginning again. */
  paths: z.array(z.string()).min(1),
  /** `%n` in it is another number each time. */
  body: z.optional(z.string()),
  statuses: z.array(z.number()),
});
export type Plan = z.infer<typeof plan>;

const outcome = z.object({ perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number(), count: z.number() });
export type Outcome = z.infer<typeof outcome>;

/** Carries a plan out in a process of its own. `through` goes before its command. @throws Error when an answer was wrong */
export async function load(wanted: Plan, through: readonly string[]): Promise<Outcome> {
  const [program = "", ...args] = [...through, process.execPath, import.meta.filename];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  child.stdin.end(JSON.stringify(wanted));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`The load generator ended with ${String(code)}.`);
  return outcome.parse(JSON.parse(text));
}

class Generator {
  readonly #plan: Plan;
  readonly #head: string;
  readonly #times: number[] = [];
  #sent = 0;
  #countsFrom = 0;
  #ends = 0;

  constructor(wanted: Plan) {
    this.#plan = wanted;
    this.#head = Object.entries({ host: "127.0.0.1", ...wanted.headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  }

  async run(): Promise<Outcome> {
    const { connections, warmUpMs, ms } = this.#plan;
    this.#countsFrom = performance.now() + warmUpMs;
    this.#ends = this.#countsFrom + ms;
    await Promise.all(Array.from({ length: connections }, () => this.#converse()));
    const sorted = Float64Array.from(this.#times).sort();
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return { perSecond: (1000 * sorted.length) / ms, p50Ms: at(0.5), p99Ms: at(0.99), count: sorted.length };
  }

  #request(): string {
    const { method, paths, body } = this.#plan;
    const n = this.#sent++;
    const path = paths[n % paths.length] ?? "/";
    const text = body?.replace("%n", String(n));
    const more = text === undefined ? "" : `content-type: application/json\r\ncontent-length: ${text.length}\r\n`;
    return `${method} ${path} HTTP/1.1\r\n${this.#head}${more}\r\n${text ?? ""}`;
  }

  #connect(): Socket {
    const { to, isTls } = this.#plan;
    if ("socketPath" in to) return connect(to.socketPath);
    const where = { host: "127.0.0.1", port: to.port };
    return isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  }

  #converse(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#connect();
      let [began, missing] = [0, 0];
      let head: Buffer = Buffer.alloc(0);
      const send = () => {
        began = performance.now();
        if (began >= this.#ends) {
          socket.destroy();
          resolve();
          return;
        }
        socket.write(this.#request());
      };
      socket.once(this.#plan.isTls ? "secureConnect" : "connect", send);
      socket.on("error", reject);
      socket.on("data", (part: Buffer) => {
        if (missing === 0) {
          head = head.length === 0 ? part : Buffer.concat([head, part]);
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          const text = head.toString("latin1", 0, end);
          const status = Number(text.slice(9, 12));
          const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? Number.NaN);
          if (!this.#plan.statuses.includes(status) || Number.isNaN(length)) {
            reject(new Error(`An answer is wrong: ${head.toString("utf8").slice(0, 2000)}`));
            socket.destroy();
            return;
          }
          missing = length - (head.length - end - 4);
          head = Buffer.alloc(0);
        } else missing -= part.length;
        if (missing > 0) return;
        const now = performance.now();
        if (began >= this.#countsFrom && now <= this.#ends) this.#times.push(now - began);
        send();
      });
    });
  }
}

if (import.meta.main) {
  let text = "";
  for await (const part of process.stdin.setEncoding("utf8")) text += String(part);
  const result = await new Generator(plan.parse(JSON.parse(text))).run();
  process.stdout.write(JSON.stringify(result));
  process.exit(0);
}
