import assert from "node:assert/strict";
import { chownSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { protocol } from "../../core/api/contract.ts";
import { consoleRoom } from "../support/console-room.ts";
import { event, eventStreamHead, type FakeAgent, startFakeAgent } from "../support/fake-agent.ts";
import { recordedNow } from "../support/machines.ts";
import { needsPrivateMounts } from "../support/private-mounts.ts";
import { startAgent } from "../support/programs.ts";
import {
  answersKeys,
  choosePassword,
  goodPassword,
  logIn,
  openItem,
  openPrompt,
  untilHome,
  untilTitle,
} from "../support/steps.ts";

/*
 * What goes wrong behind the console: the agent away, slow or mad, no rights, no room, a clock that is off. It says so,
 * answers keys meanwhile, and finds its way back by itself.
 */

let fake: FakeAgent | undefined;
const room = consoleRoom(async () => {
  await fake?.close();
  fake = undefined;
});

const socketIn = (home: string) => join(home, "agent.sock");

describe("an agent that is away", () => {
  it("at the start is said, keys are answered, and everything appears by itself once it runs", async () => {
    const console = await room.open(socketIn(room.path));
    await console.until("The agent is not running");
    await answersKeys(console);
    console.press("f2");
    await console.until("nothing can be changed");
    await room.agent();
    await untilHome(console);
    await console.until("debian-vm");
    assert.doesNotMatch(console.text(), /agent is not running|agent does not answer/);
  });

  it("killed while the console is open is said, its figures are taken away, and its restart is enough", async () => {
    const agent = await room.agentWithPassword();
    const console = await room.open(agent.socketPath);
    await logIn(console);
    await openItem(console, "terminals");
    await agent.kill("SIGKILL");
    await console.until(/agent is not running|connection to the agent broke/);
    console.press("f1");
    await untilTitle(console, "Help");
    console.press("esc");
    await untilTitle(console, "Terminal Info");
    console.press("esc");
    console.press("esc");
    await console.until("agent not running");
    assert.doesNotMatch(console.text(), /192\.0\.2\.15/);

    const again = await room.agent();
    await console.until("192.0.2.15");
    assert.doesNotMatch(console.text(), /agent is not running/);
    await logIn(console);
    assert.equal(again.output().includes("agent failed"), false);
  });

  it("killed and started again asks for the password anew, for it knows the session no more", async () => {
    const agent = await room.agentWithPassword();
    const console = await room.open(agent.socketPath);
    await logIn(console);
    await agent.kill("SIGKILL");
    await room.agent();
    await console.until("The session has ended");
    await openPrompt(console);
  });

  it("stopped in its tracks does not stop the keys, and goes on where it was", async () => {
    const agent = await room.agentWithPassword();
    const console = await room.open(agent.socketPath);
    await untilHome(console);
    process.kill(agent.pid, "SIGSTOP");
    await answersKeys(console);
    console.press("f2");
    await untilTitle(console, "Password");
    console.type(`${goodPassword}\r`);
    await console.until("Checking");
    console.press("esc");
    await console.until(/F12 Power/);
    process.kill(agent.pid, "SIGCONT");
    await logIn(console);
  });
});

describe("an agent that talks nonsense", () => {
  const status = {
    product: "Binnacle",
    version: "0.1.0",
    protocol,
    mode: "node",
    startedAt: 0,
    passwordSet: true,
    publicView: "panels",
    lockMinutes: 10,
  };
  const json = (body: string, code = "200 OK") =>
    `HTTP/1.1 ${code}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const mad: readonly { name: string; answer: string | Buffer | ((socket: Socket) => void); says: RegExp }[] = [
    { name: "bytes that are no HTTP", answer: Buffer.from([0, 1, 255, 254, 10, 13, 0]), says: /agent/ },
    { name: "nothing, and hangs up", answer: "", says: /connection to the agent broke/ },
    {
      name: "a page of something else",
      answer: json("<html>502</html>", "502 Bad Gateway"),
      says: /can't be understood/,
    },
    { name: "JSON of another kind", answer: json('{"error":"no"}', "400 Bad Request"), says: /can't be understood/ },
    {
      name: "an empty answer instead of a stream",
      answer: json("[]"),
      says: /connection to the agent broke|understood/,
    },
    {
      name: "events that are no JSON",
      answer: `${eventStreamHead}event: status\ndata: {"half\n\n`,
      says: /can't be understood/,
    },
    {
      name: "events with other fields",
      answer: eventStreamHead + event("status", { ...status, mode: "sideways" }) + event("facts", { cpu: "fast" }),
      says: /can't be understood|broke/,
    },
    {
      name: "half an event",
      answer: `${eventStreamHead}${event("status", status)}event: facts\ndata: {"cpu":`,
      says: /connection to the agent broke/,
    },
    {
      name: "an older protocol",
      answer: (socket) => socket.write(eventStreamHead + event("status", { ...status, protocol: protocol - 1 })),
      says: /are of different releases: restart the\s+older one/,
    },
    {
      name: "an older protocol, with figures behind it",
      answer: (socket) =>
        socket.write(eventStreamHead + event("status", { ...status, protocol: protocol - 1 }) + event("facts", {})),
      says: /are of different releases: restart the\s+older one/,
    },
    {
      name: "a line without an end",
      answer: (socket) => {
        socket.write(`${eventStreamHead}data: `);
        const more = () => {
          while (socket.writable && socket.write("x".repeat(65_536)));
        };
        socket.on("drain", more);
        more();
      },
      says: /can't be understood/,
    },
  ];
  for (const { name, answer, says } of mad)
    it(`${name}: the console says so, answers keys, and recovers with a real one`, async () => {
      const socketPath = socketIn(room.path);
      fake = await startFakeAgent(socketPath, answer);
      const console = await room.open(socketPath);
      await console.until(says);
      await answersKeys(console);
      await fake.close();
      await room.agent();
      await untilHome(console);
      await console.until("debian-vm");
    });
});

describe("a socket that this user may not open", () => {
  it("is named, and is used as soon as it may be", needsPrivateMounts(), async () => {
    const agent = await room.agentWithPassword();
    chownSync(agent.socketPath, 65_534, 65_534);
    const console = await room.open(agent.socketPath, {
      through: ["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    });
    await console.until("may not open the agent's socket");
    await answersKeys(console);
    chownSync(agent.socketPath, 0, 0);
    await console.until("debian-vm");
  });
});

describe("a clock", () => {
  const now = Date.parse(recordedNow("laptop-vm"));
  const clocks = [
    { name: "of the first day of 1970", at: 0 },
    { name: "an hour behind the figures", at: now - 3_600_000 },
    { name: "of the year 2099", at: Date.parse("2099-12-31T23:59:59Z") },
  ];
  for (const { name, at } of clocks)
    it(`${name} makes no figure nonsense`, async () => {
      const agent = await room.agentWithPassword();
      const frozen = new Date(at).toISOString();
      const console = await room.open(agent.socketPath, { args: ["--console", "tty1", "--frozen-clock", frozen] });
      await untilHome(console);
      await console.until("debian-vm");
      assert.match(console.text(), new RegExp(frozen.slice(0, 10)));
      assert.doesNotMatch(console.text(), /NaN|Invalid|undefined| -\d/);
      await logIn(console);
      for (const item of ["cpu", "memory", "audit", "jobs"] as const) {
        await openItem(console, item);
        assert.doesNotMatch(console.text(), /NaN|Invalid|undefined| -\d/);
        console.press("esc");
      }
    });
});

describe("a full disk under the agent", () => {
  it(
    "is said when something can't be saved, nothing is lost, and the door still opens",
    needsPrivateMounts(),
    async () => {
      const mount = 'mount -t tmpfs -o size=1m,mode=700 tmpfs "$0" && exec "$@"';
      const home = join(room.path, "home");
      const agent = await startAgent({
        home,
        socketPath: socketIn(room.path),
        fixture: "laptop-vm",
        through: [
          "unshare",
          "--mount",
          "--propagation",
          "private",
          "--",
          "/bin/sh",
          "-c",
          `mkdir "$0"; ${mount}`,
          home,
        ],
      });
      const console = await room.open(agent.socketPath);
      await choosePassword(console);
      await openItem(console, "settings");
      console.type("\x1520\t\t\t\r");
      await console.until("Saved.");

      const filler = `/proc/${agent.pid}/root${home}/filler`;
      assert.throws(() => writeFileSync(filler, Buffer.alloc(2_000_000)), /ENOSPC/);
      await openItem(console, "settings");
      console.type("\x1530\t\t\t\r");
      await console.until("Not saved: the disk of the agent's folder is full");
      assert.equal((await agent.client("check").call("nodeSettings", {})).lockMinutes, 20);
      console.press("esc");
      await untilTitle(console, "System Configuration");
      console.press("esc");
      await logIn(console);

      rmSync(filler);
      await openItem(console, "settings");
      await console.until(/Lock after .* 20/);
      console.type("\x1530\t\t\t\r");
      await console.until("Saved.");
      await openItem(console, "audit");
      await console.until(/settings\.node +FAILED/);
    },
  );
});
