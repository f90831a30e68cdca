import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import type { TestContext } from "node:test";
import WebSocket from "ws";
import type { ConsoleProxy, ConsoleProxyOptions } from "../../../core/console/proxy.ts";
import { testProxy } from "../../support/cloud/console.ts";
import { place } from "../../support/cloud/place.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

/** A cloud with a machine that runs on a simulated host, and a console proxy. */
export async function consoleCloud(t: TestContext, more: Partial<ConsoleProxyOptions> = {}) {
  const found: { proxy?: ConsoleProxy } = {};
  const clock = { aheadMs: 0 };
  const cloudOptions = { findProxy: () => found.proxy?.place, now: () => Date.now() + clock.aheadMs };
  const bed = await place(t, ["10.0.0.2"], "shared", cloudOptions);
  const { call, done, cloud } = bed;
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 16 * mebibyte };
  const newMachine = async (name: string) =>
    (await done("CreateVmInstance", { name, l3NetworkUuids: [], ...size })).resourceUuid ?? "";
  const uuid = await newMachine("web");
  const testing = await testProxy(t, bed, more);
  found.proxy = testing.proxy;
  const { port, ca } = testing;
  const clients: WebSocket[] = [];
  undoAfter(t, () => {
    for (const client of clients) client.terminate();
  });
  return {
    ...bed,
    ...testing,
    clock,
    uuid,
    newMachine,
    url: `https://127.0.0.1:${port}`,
    token: async (vmInstanceUuid = uuid, kind: "vnc" | "serial" = "serial") =>
      (await call("RequestConsoleAccess", { vmInstanceUuid, kind })).inventory.token,
    /** A client that has connected and said nothing yet. */
    client: (headers: Record<string, string> = {}) => {
      const { port: now = port } = testing.proxy.place ?? {};
      const client = new Client(new WebSocket(`wss://127.0.0.1:${now}/console`, { ca, headers }));
      clients.push(client.socket);
      return client;
    },
    records: () => [...cloud.mirror.entries("ConsoleToken")],
  };
}

type Said = { ready?: { name: string; kind: string; again: string }; end?: { code: number; message: string } };

/** A page, as a program. */
export class Client {
  readonly socket: WebSocket;
  readonly texts: Said[] = [];
  bytes = "";
  readonly closed: Promise<number>;
  readonly #watchers = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.bytes += data.toString("latin1");
      else this.texts.push(JSON.parse(data.toString("utf8")));
      for (const watcher of this.#watchers) watcher();
    });
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }

  async hello(token: string): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, "open");
    this.socket.send(JSON.stringify({ token }));
  }

  /** Opens a console. @throws Error with why not */
  async open(token: string): Promise<NonNullable<Said["ready"]>> {
    await this.hello(token);
    await Promise.race([this.until(() => this.texts.length > 0), this.closed]);
    const ready = this.texts[0]?.ready;
    if (ready === undefined) throw new Error(this.texts[0]?.end?.message ?? "It was closed without a word.");
    return ready;
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  get why(): string {
    return this.texts.find(({ end }) => end !== undefined)?.end?.message ?? "";
  }
}

/** A link whose consoles are the test's: `far` is the host's end of the last one. */
export function scriptedLink() {
  const scripted = {
    far: undefined as Duplex | undefined,
    /** The proxy's end. */
    near: undefined as Duplex | undefined,
    opened: 0,
    answers: true,
    openConsole: async () => {
      const [near, far] = duplexPair();
      far.on("error", () => undefined);
      [scripted.near, scripted.far] = [near, far];
      scripted.opened += 1;
      return near;
    },
    ping: async () => {
      if (!scripted.answers) throw new Error("No answer.");
    },
  };
  return scripted;
}
