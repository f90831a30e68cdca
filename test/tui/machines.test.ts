import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { SimulatedDriver } from "../../core/hypervisor/simulated.ts";
import { en } from "../../tui/i18n/en.ts";
import {
  beyondAscii,
  type ConsoleBed,
  closeConsoles,
  closeConsolesWithoutFault,
  openConsole,
} from "../support/console.ts";
import { type RunningAgent, startAgent, stopAgents, temporaryFolder } from "../support/programs.ts";
import { goodPassword, selectLine, untilTitle } from "../support/steps.ts";

/* The node's own virtual machines on a real console, of a real agent with the simulated hypervisor. */

const never = new AbortController().signal;
/** The first two digits say how busy it is, in 255ths. */
const uuidOf = (busy: number, nth: number) =>
  `${busy.toString(16).padStart(2, "0")}${nth.toString(16).padStart(10, "0")}4aaa8aaaaaaaaaaaaaaa`;
const machines = [
  { uuid: uuidOf(64, 1), name: "web01", cpuNum: 4, memorySize: 2 ** 32 },
  { uuid: uuidOf(191, 2), name: "db\u001b[2J\u202e01", cpuNum: 2, memorySize: 2 ** 31 },
  { uuid: uuidOf(0, 3), name: "idle", cpuNum: 1, memorySize: 2 ** 30 },
];

describe("the virtual machines of a node", () => {
  const folder = temporaryFolder();
  const settings = join(folder.path, "simulated/simulation.json");
  let agent: RunningAgent;

  before(async () => {
    mkdirSync(join(folder.path, "simulated"), { recursive: true });
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const driver = await SimulatedDriver.open({
      ...{ folder: join(folder.path, "simulated"), bootId, latencyMs: () => 0, announce: () => undefined },
    });
    for (const one of machines)
      await driver.carryOut({ do: "startMachine", machine: { ...one, disks: [], nics: [] } }, never);
    const channel = ["--host-port", "0", "--host-address", "127.0.0.1", "--hypervisor", "simulated"];
    agent = await startAgent({ home: folder.path, args: channel });
    await agent.client("setup").call("choosePassword", { body: { password: goodPassword } });
  });
  afterEach(closeConsolesWithoutFault);
  after(async () => {
    await closeConsoles();
    await stopAgents();
    folder.dispose();
  });

  async function listOn(console: string, more: { term?: string; locale?: string } = {}): Promise<ConsoleBed> {
    const bed = await openConsole({ socketPath: agent.socketPath, args: ["--console", console], ...more });
    await bed.until("F12");
    bed.press("enter");
    await bed.until(en["password.title"]);
    bed.type(`${goodPassword}\r`);
    await bed.until(en["header.full"]);
    bed.type("v");
    await untilTitle(bed, en["machines.title"]);
    return bed;
  }

  it("are listed with what they use, and names steer nothing", async () => {
    const console = await listOn("ttyS0", { term: "vt220", locale: "C" });
    await console.until(/web01 +Running +25 % +4 +4 G\n/);
    await console.until(/db\?01 +Running +75 % +2 +2 G\n/);
    await console.until(/idle +Running +0 % +1 +1 G\n/);
    assert.equal(beyondAscii(console.raw()), -1);
    console.type("s");
    await console.until(/by CPU\n\n.*\n {2}> db/);
  });

  it("have a serial console that gives every key to the guest and is left by Ctrl-O", async () => {
    const console = await listOn("ttyS0", { term: "vt220", locale: "C" });
    await selectLine(console, "web01");
    console.press("enter");
    await console.until(/belongs to a cloud[\s\S]*c Console/);
    console.type("c");
    await console.until(/is SIMULATED[\s\S]*Ctrl-O leaves/);
    console.type("hello q ? \x1b2");
    // What it echoes, an escape sequence among it, comes back as the guest's own output.
    await console.until("hello q ?");
    console.type("\x0f");
    await console.until("Ctrl-O again or Enter: leave");
    console.type("\x0f");
    await untilTitle(console, en["machine.title"]);
  });

  it("lose their serial console with the session, and it is asked for again", async () => {
    const console = await listOn("pts/7");
    await selectLine(console, "web01");
    console.press("enter");
    await console.until("c Console");
    console.type("c");
    await console.until(/is SIMULATED[\s\S]*Ctrl-O leaves/);
    // Somebody else gives the password at the same console: its former session ends.
    await agent.client("pts/7").call("openSession", { body: { password: goodPassword } });
    await console.until("F4");
  });

  it("are never started here when a cloud has made them, and lose their power when that is meant", async () => {
    const console = await listOn("tty1");
    await selectLine(console, "web01");
    console.press("enter");
    await console.until("p Power off");
    console.type("p");
    await console.until(/manager will notice/);
    console.type("OFF\r");
    await untilTitle(console, en["jobs.title"]);
    await console.until(/power machine off web01 +done/);
    console.press("esc");
    await console.until(/Stopped +4 vCPU/);
    assert.doesNotMatch(console.text(), /o Start|p Power off/);
    console.type("o");
    await console.until(en["machine.refused.ofCloud"].slice(0, 30));
    const { entries } = await reader("tty1");
    assert.ok(entries.some(({ action, result }) => action === "machine.powerOff" && result === "ok"));
  });

  it("are unknown while the hypervisor hangs, and known again after it", async () => {
    const console = await listOn("tty1");
    await console.until(/idle +Running +0 %/);
    writeFileSync(settings, JSON.stringify({ hangs: "yes" }));
    await console.until(/does not answer: libvirt: no answer in time/, 60_000);
    assert.match(console.text(), /idle +Unknown +- /);
    writeFileSync(settings, JSON.stringify({}));
    await console.until(/idle +Running/, 60_000);
  });

  async function reader(console: string) {
    const client = agent.client(console);
    client.token = (await client.call("openSession", { body: { password: goodPassword } })).token;
    return await client.call("audit", { query: {} });
  }
});
