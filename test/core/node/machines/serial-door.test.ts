import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Client } from "../../../../core/api/client.ts";
import type { LocalMachines } from "../../../../core/hypervisor/local.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { SerialDoor } from "../../../../core/node/machines/serial-door.ts";
import { type AgentBed, agentBed, listening } from "../agent-bed.ts";

const uuid = "0000000000014aaa8aaaaaaaaaaaaaaa";

/** A serial line that prints what is typed. */
function localWith(line: () => PassThrough): LocalMachines {
  return {
    canAct: true,
    all: async () => [],
    one: async () => undefined,
    act: async () => undefined,
    async openSerial(asked) {
      if (asked !== uuid) throw new NodeError("HYPERVISOR.NOT_RUNNING", "It does not run.");
      return line();
    },
  };
}

describe("the serial line of a machine, over the agent's socket", () => {
  let bed: AgentBed;
  let door: SerialDoor;
  let lines: PassThrough[];
  const clients: Client[] = [];

  beforeEach(async () => {
    bed = await agentBed();
    lines = [];
    bed.parts.machines.use(
      localWith(() => {
        const line = new PassThrough();
        lines.push(line);
        return line;
      }),
      (_uuid, work) => work(),
    );
    door = new SerialDoor({ sessions: bed.parts.sessions, desk: bed.parts.machines, audit: bed.parts.audit });
    bed.server.server.on("upgrade", (...asked) => void door.take(...asked));
    await listening(bed, () => undefined);
  });
  afterEach(async () => {
    door.close();
    for (const client of clients.splice(0)) client.close();
    await bed.dispose();
  });

  async function clientAt(console: string, hasSession = true): Promise<Client> {
    const client = new Client({ socketPath: bed.socketPath, console });
    clients.push(client);
    if (hasSession) client.token = await bed.login(console);
    return client;
  }
  const codeOf = (attempt: Promise<unknown>) =>
    attempt.then(
      () => "opened",
      (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
    );

  it("carries bytes both ways as they are, and is noted", async () => {
    const line = await (await clientAt("tty1")).openSerial(uuid);
    const typed = Buffer.from([0, 0x1b, 0x5b, 0x41, 0xff, 0x0d]);
    line.write(typed);
    const [printed] = await once(line, "data");
    assert.deepEqual(printed, typed);
    const { entries } = await bed.parts.audit.read(10);
    assert.ok(
      entries.some(
        ({ action, console, detail }) => action === "machine.serial" && console === "tty1" && detail === uuid,
      ),
    );
    line.destroy();
    await once(lines[0] ?? new PassThrough(), "close");
  });

  it("is for a session alone, and ends with it", async () => {
    assert.equal(await codeOf((await clientAt("tty2", false)).openSerial(uuid)), "AUTH.NO_SESSION");
    assert.equal(lines.length, 0);
    const client = await clientAt("tty1");
    const line = (await client.openSerial(uuid)).resume();
    const other = (await (await clientAt("ttyS0")).openSerial(uuid)).resume();
    const closed = once(line, "close");
    await client.call("closeSession", {});
    await closed;
    assert.equal(other.destroyed, false);
    other.destroy();
  });

  it("ends when the machine does", async () => {
    const line = (await (await clientAt("tty1")).openSerial(uuid)).resume();
    const closed = once(line, "close");
    lines[0]?.end();
    await closed;
  });

  it("says why there is none, and what is no call at all", async () => {
    const client = await clientAt("tty1");
    assert.equal(await codeOf(client.openSerial(uuid.replace("1", "2"))), "HYPERVISOR.NOT_RUNNING");
    assert.equal(await codeOf(client.openSerial("../../x")), "API.UNKNOWN_CALL");
    // Ordinary calls go on as before.
    assert.deepEqual((await client.call("machines", {})).list, []);
  });
});
