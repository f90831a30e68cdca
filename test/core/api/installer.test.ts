import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { InstallerClient } from "../../../core/api/installer.ts";
import { NodeError } from "../../../core/model/error.ts";
import type { InstallerState } from "../../../core/model/installation/protocol.ts";
import { type FakeEngine, startFakeEngine } from "../../support/fake-engine.ts";
import { laptopVm } from "../../support/install-machines.ts";
import { temporaryFolder } from "../../support/programs.ts";

/* The installer's client on a real socket: what it does when all is well, and what it says when not. */

let folder: ReturnType<typeof temporaryFolder>;
let socketPath = "";
let engine: FakeEngine | undefined;
let mad: Server | undefined;
const clients: InstallerClient[] = [];
const sockets = new Set<Socket>();

beforeEach(() => {
  folder = temporaryFolder();
  socketPath = join(folder.path, "engine.sock");
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await engine?.close();
  engine = undefined;
  for (const socket of sockets) socket.destroy();
  const closing = mad;
  mad = undefined;
  if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
  folder.dispose();
});

/** A client with what it told, and a way to wait for the next of it. */
function clientOf(options: { console?: string; timeoutMs?: number } = {}) {
  const client = new InstallerClient({ socketPath, console: "tty1", ...options });
  clients.push(client);
  const states: InstallerState[] = [];
  const losses: NodeError[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  client.open({
    onState: (state) => {
      states.push(state);
      wake();
    },
    onLost: (error) => {
      losses.push(error);
      wake();
    },
  });
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!holds()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { client, states, losses, until };
}

async function madEngine(onSocket: (socket: Socket) => void): Promise<void> {
  mad = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => mad?.listen(socketPath, resolve));
}

const coded = (code: string) => (error: unknown) => error instanceof NodeError && error.code === code;

describe("with an engine", () => {
  it("greets, gets the state at once, and gets it again after each change", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    const { client, states, until } = clientOf();
    await until(() => states.length > 0);
    assert.equal(states[0]?.draft?.role, "management");
    await client.call("setRole", { role: "compute" });
    await until(() => states.at(-1)?.draft?.role === "compute");
    assert.equal(states.at(-1)?.leader, "tty1");
    assert.deepEqual(engine.received[0], { call: "hello", console: "", args: { protocol: 1, console: "tty1" } });
  });

  it("gives answers to the calls that asked, whatever their order", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    let release: (value: unknown) => void = () => {};
    const waits = new Promise((resolve) => {
      release = resolve;
    });
    engine.answer("collect", async () => {
      await waits;
      return { place: "/late" };
    });
    const { client, states, until } = clientOf();
    await until(() => states.length > 0);
    const late = client.call("collect", { to: "sdb1" });
    const lease = await client.call("tryDhcp", {});
    assert.equal(lease.gateway, "192.0.2.1");
    release(undefined);
    assert.deepEqual(await late, { place: "/late" });
  });

  it("passes on what the engine refuses with its code, remedy and values", async () => {
    engine = await startFakeEngine(socketPath, laptopVm, { leader: "ttyS0" });
    const { client, states, until } = clientOf();
    await until(() => states.length > 0);
    await assert.rejects(client.call("setRole", { role: "expert" }), (error: unknown) => {
      assert.ok(error instanceof NodeError);
      assert.equal(error.code, "LEAD.OTHER");
      assert.deepEqual(error.values, { leader: "ttyS0" });
      return true;
    });
    await client.call("lead", {});
    await client.call("setRole", { role: "expert" });
  });

  it("says which call was not answered in time, and goes on", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    engine.answer("setRole", () => new Promise(() => {}));
    const { client, states, losses, until } = clientOf({ timeoutMs: 50 });
    await until(() => states.length > 0);
    await assert.rejects(client.call("setRole", { role: "expert" }), coded("INSTALLER.TIMEOUT"));
    await client.call("lead", {});
    assert.deepEqual(losses, []);
  });

  it("refuses to send more than a line may hold", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    const { client, states, until } = clientOf();
    await until(() => states.length > 0);
    const to = "x".repeat(1024 ** 2);
    await assert.rejects(client.call("collect", { to }), coded("INSTALLER.TOO_LONG"));
    await client.call("lead", {});
  });

  it("does not take an answer of another kind for one", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    engine.answer("tryDhcp", () => ({ address: 7 }));
    const { client, states, until } = clientOf();
    await until(() => states.length > 0);
    await assert.rejects(client.call("tryDhcp", {}), coded("INSTALLER.NONSENSE"));
  });
});

describe("without an engine", () => {
  it("says so, fails every call at once, and connects by itself when it is started", async () => {
    const { client, states, losses, until } = clientOf();
    await until(() => losses.length > 0);
    assert.equal(losses[0]?.code, "INSTALLER.ABSENT");
    await assert.rejects(client.call("lead", {}), coded("INSTALLER.ABSENT"));
    engine = await startFakeEngine(socketPath, laptopVm);
    await until(() => states.length > 0);
    await client.call("lead", {});
  });

  it("that went away in the middle of a call, the call fails and the connection is made again", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    const asked = new Promise<void>((resolve) => {
      engine?.answer("probe", () => {
        resolve();
        return new Promise(() => {});
      });
    });
    const { client, states, losses, until } = clientOf();
    await until(() => states.length > 0);
    const probing = client.call("probe", {});
    const failing = assert.rejects(probing, coded("INSTALLER.LOST"));
    await asked;
    const before = states.length;
    engine.dropAll();
    await failing;
    await until(() => states.length > before);
    assert.equal(losses[0]?.code, "INSTALLER.LOST");
    await client.call("lead", {});
  });

  it("calls nobody after it was closed", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    const { client, states, losses, until } = clientOf();
    await until(() => states.length > 0);
    const before = states.length;
    client.close();
    engine.set({ phase: "installing" });
    await assert.rejects(client.call("lead", {}), coded("INSTALLER.LOST"));
    assert.equal(states.length, before);
    assert.deepEqual(losses, []);
  });
});

describe("with something else on the socket", () => {
  const nonsense: readonly { name: string; say: string | ((socket: Socket) => void) }[] = [
    { name: "no JSON", say: "HTTP/1.1 400 Bad Request\r\n\r\n" },
    { name: "JSON of another kind", say: '{"hello":"world"}\n' },
    { name: "a state with other fields", say: '{"event":"state","state":{"phase":"sideways"}}\n' },
    {
      name: "a line without an end",
      say: (socket) => {
        const more = () => {
          while (socket.writable && socket.write("x".repeat(65_536)));
        };
        socket.on("drain", more);
        more();
      },
    },
  ];
  for (const { name, say } of nonsense)
    it(`${name} is told as nonsense, and tried again`, async () => {
      let connections = 0;
      await madEngine((socket) => {
        connections += 1;
        if (typeof say === "string") socket.write(say);
        else say(socket);
      });
      const { losses, states, until } = clientOf();
      await until(() => losses.length >= 2);
      assert.deepEqual([...new Set(losses.map(({ code }) => code))], ["INSTALLER.NONSENSE"]);
      assert.ok(connections >= 2);
      assert.deepEqual(states, []);
    });

  it("an engine that refuses to be greeted is told by its own code", async () => {
    await madEngine((socket) => {
      socket.once("data", () => {
        socket.write('{"id":1,"error":{"code":"PROTOCOL.VERSION","description":"Another version."}}\n');
      });
    });
    const { losses, until } = clientOf();
    await until(() => losses.length > 0);
    assert.equal(losses[0]?.code, "PROTOCOL.VERSION");
  });

  it("bytes that are cut anywhere, even inside of a character, are put together", async () => {
    engine = await startFakeEngine(socketPath, laptopVm);
    const { states, until } = clientOf();
    await until(() => states.length > 0);
    const line = Buffer.from(`${JSON.stringify({ event: "state", state: { ...engine.state, log: ["磁盘 é"] } })}\n`);
    for (const byte of line) engine.write(Buffer.from([byte]));
    await until(() => states.some(({ log }) => log.join() === "磁盘 é"));
  });
});
