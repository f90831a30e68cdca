import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { MessageKey } from "../../tui/i18n/catalogue.ts";
import { en } from "../../tui/i18n/en.ts";
import { zh } from "../../tui/i18n/zh.ts";
import { beyondAscii, type ConsoleBed, closeConsoles, openConsole } from "../support/console.ts";
import { type Golden, goldenSizes, matchesGolden } from "../support/golden.ts";
import { idleProcess, type RecordedMachine, recordedMachines, recordedNow, writeMachine } from "../support/machines.ts";
import { type RunningAgent, startAgent, stopAgents, temporaryFolder } from "../support/programs.ts";
import { type ConfigurationItem, goodPassword, selectLine, untilTitle } from "../support/steps.ts";

/*
 * The screens as a technician sees them, kept as text below test/fixtures/golden.
 * UPDATE_GOLDEN=1 node --test test/tui/golden.test.ts keeps them anew; read what it changed.
 */

const titles = {
  passwords: "passwords.title",
  rename: "network.rename.title",
  ping: "ping.title",
  networks: "network.title",
  management: "network.management.title",
  names: "network.names.title",
  earlier: "network.earlier.title",
  consoleProxy: "proxy.title",
  collect: "collect.title",
  backup: "backup.title",
  service: "service.title",
  reset: "service.title.reset",
  resetDrop: "service.title.resetDrop",
  terminals: "terminals.title",
  language: "language.title",
  settings: "settings.title",
  diagnostics: "diagnostics.title",
  cloud: "cloud.title",
  hardware: "hardware.title",
  interfaces: "interfaces.title",
  disks: "disks.title",
  services: "services.title",
  machines: "machines.title",
  cpu: "cpu.title",
  memory: "memory.title",
  logs: "logs.title",
  jobs: "jobs.title",
  audit: "audit.title",
} as const satisfies Record<ConfigurationItem, MessageKey>;

type Look = Pick<Golden, "profile" | "language"> & { console: string };

const looks: readonly Look[] = [
  { profile: "rich", language: "en", console: "tty1" },
  { profile: "basic", language: "en", console: "ttyS0" },
  { profile: "rich", language: "zh", console: "pts/0" },
];

async function open(agent: RunningAgent, machine: RecordedMachine, look: Look, size: string): Promise<ConsoleBed> {
  const [columns, rows] = size.split("x").map(Number);
  await agent.client(look.console).call("setConsoleSettings", { body: { language: look.language } });
  return openConsole({
    socketPath: agent.socketPath,
    columns: columns ?? 80,
    rows: rows ?? 24,
    locale: look.profile === "rich" ? "C.UTF-8" : "C",
    args: ["--console", look.console, "--frozen-clock", recordedNow(machine)],
  });
}

/** Once every fact has been read or given up, nothing changes any more: the recorded machine stands still. */
async function allFactsRead(agent: RunningAgent): Promise<void> {
  const client = agent.client("facts");
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const facts = await client.call("facts", {});
    const pending = Object.values(facts).some((fact) => fact.state === "missing" && fact.why.code === "pending");
    if (!pending) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("some facts were never read");
}

function assertAscii(console: ConsoleBed): void {
  const at = beyondAscii(console.raw());
  assert.equal(at, -1, `a byte beyond ASCII was sent: ${JSON.stringify(console.raw().slice(at - 40, at + 40))}`);
}

for (const machine of recordedMachines) {
  describe(`the home screen of ${machine}`, () => {
    let agent: RunningAgent;
    before(async () => {
      agent = await startAgent({ fixture: machine });
      await allFactsRead(agent);
    });
    afterEach(closeConsoles);
    after(() => agent.stop());

    for (const look of looks) {
      it(`is laid out at every size, ${look.profile}, ${look.language}`, async () => {
        const console = await open(agent, machine, look, goldenSizes[0]);
        const { profile, language } = look;
        for (const size of goldenSizes) {
          const [columns = 80, rows = 24] = size.split("x").map(Number);
          console.resize(columns, rows);
          await matchesGolden(console, { machine, screen: "home", size, profile, language }, "F12");
        }
        if (profile === "basic") assertAscii(console);
        assert.equal(console.errors(), "");
      });
    }

    it("is English on a basic console that is set to Chinese, and says why", async () => {
      const look = { profile: "basic", language: "zh", console: "ttyS1" } as const;
      const console = await open(agent, machine, look, "80x24");
      await console.until(en["app.noChinese"]);
      console.press("esc");
      await matchesGolden(console, { machine, screen: "home", size: "80x24", profile: "basic", language: "en" }, "F12");
      assertAscii(console);
    });
  });
}

describe("the smallest terminal", () => {
  after(async () => {
    await closeConsoles();
    await stopAgents();
  });

  it("still shows the address of the management network in full", async () => {
    const agent = await startAgent({ fixture: "storage-failing" });
    await allFactsRead(agent);
    const console = await open(
      agent,
      "storage-failing",
      { profile: "basic", language: "en", console: "ttyS0" },
      "60x20",
    );
    const golden = {
      machine: "storage-failing",
      screen: "home",
      size: "60x20",
      profile: "basic",
      language: "en",
    } as const;
    await matchesGolden(console, golden, "F12");
    assert.match(console.text(), /10\.0\.0\.12 /);
  });
});

describe("a Linux virtual terminal", () => {
  after(async () => {
    await closeConsoles();
    await stopAgents();
  });

  it("gets no character that its font lacks", async () => {
    const agent = await startAgent({ fixture: "bonded-server" });
    await allFactsRead(agent);
    const console = await openConsole({
      socketPath: agent.socketPath,
      term: "linux",
      args: ["--console", "tty1", "--frozen-clock", recordedNow("bonded-server")],
    });
    await matchesGolden(
      console,
      { machine: "bonded-server", screen: "home-linux-terminal", size: "80x24", profile: "rich", language: "en" },
      "F12",
    );
    // Source: profile.ts, the glyphs that Debian's console fonts have in common.
    assert.match(console.text(), /^[\n\x20-\x7e─░▒█▲▼•]*$/);
  });
});

/* One after the other: each shows what was done before. A failure here makes those behind it fail too. */
describe("the other screens", () => {
  const machine = "bonded-server";
  const size = "80x24";
  const folder = temporaryFolder();
  let agent: RunningAgent;

  before(async () => {
    const file = join(folder.path, "machine.json");
    writeMachine(file, machine, {
      files: {
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:109::/var/lib/libvirt:/usr/sbin/nologin\n",
        ...idleProcess(1412, "node", 0, 412),
        ...idleProcess(2120, "qemu-system-x86_64", 64055, 4210),
        ...idleProcess(801, "systemd-journal", 0, 38),
      },
      dirs: { "/proc": ["801", "1412", "2120"] },
      streams: {
        "ping -n -O -c 3600 -- 10.0.0.1": {
          lines: [
            "PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.",
            "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.211 ms",
            "no answer yet for icmp_seq=2",
          ],
          everyMs: 0,
          code: null,
        },
      },
    });
    agent = await startAgent({ args: ["--fixture", file] });
    await allFactsRead(agent);
  });
  after(async () => {
    await closeConsoles();
    await stopAgents();
    folder.dispose();
  });

  const consoles: ConsoleBed[] = [];

  // In this order, for the first ones need a preview without a password and the last ones show what was done before.
  for (const look of looks)
    it(`before there is a password, ${look.profile}, ${look.language}`, async () => {
      const console = await open(agent, machine, look, size);
      consoles.push(console);
      const t = look.language === "zh" ? zh : en;
      const shows = (screen: string, sign: string) => matchesGolden(console, { machine, screen, size, ...look }, sign);
      await console.until("F12");
      console.press("f1");
      await shows("help-of-home", t["help.title"]);
      console.press("esc");
      await console.until("F12");
      console.press("f2");
      await shows("choose-password", t["choosePassword.title"]);
      console.type("short\tother\r");
      await shows("choose-password-refused", t["passwords.differ"]);
      console.press("esc");
      await console.until("F12");
      console.resize(59, 19);
      await matchesGolden(console, { machine, screen: "too-small", ...look, size: "59x19" }, /59x19/);
      console.resize(80, 24);
    });

  looks.forEach((look, nth) => {
    it(`behind the password, ${look.profile}, ${look.language}`, async () => {
      const console = consoles[nth];
      assert.ok(console !== undefined, "the console is open");
      const t = look.language === "zh" ? zh : en;
      const shows = (screen: string, sign: string) => matchesGolden(console, { machine, screen, size, ...look }, sign);
      const listed = () => untilTitle(console, t["configuration.title"]);
      const visit = async (item: ConfigurationItem, sign: string) => {
        await listed();
        await selectLine(console, t[titles[item]]);
        console.press("enter");
        await shows(item, sign);
      };
      const back = () => console.press("esc");

      await console.until("F12");
      if (nth === 0) {
        console.press("f2");
        await console.until(t["choosePassword.title"]);
        console.type(`${goodPassword}\t${goodPassword}\r`);
        await listed();
        back();
        await console.until("F12");
      }
      console.press("f2");
      await shows("password", t["password.title"]);
      console.type(`${goodPassword}\r`);
      await listed();
      console.press("home");
      await shows("configuration", t["network.title"]);

      // A management node has a menu of them.
      await visit("passwords", t["passwords.short.MANAGER_STOPPED"]);
      console.press("enter");
      await shows("passwords-root", t["passwords.again"]);
      console.type("\t\t\t\r");
      await shows("passwords-refused", t["passwords.oldEmpty"]);
      back();
      await console.until(t["passwords.choose"]);
      back();
      await visit("consoleProxy", t["proxy.effect.running"].slice(0, 10));
      back();
      await visit("service", t["services.active"]);
      console.press("down");
      console.press("enter");
      await shows("service-stop", t["service.limit"].slice(0, 10));
      back();
      await console.until(t["service.choose"]);
      back();
      await visit("reset", t["service.limit"].slice(0, 10));
      back();
      await visit("resetDrop", t["service.store.none"].slice(0, 10));
      back();
      await visit("terminals", t["terminals.serial"].slice(0, 10));
      back();
      await visit("language", t["language.en"]);
      back();
      await visit("settings", t["settings.ping"]);
      back();
      await visit("diagnostics", t["outcome.passed"]);
      back();
      await visit("cloud", t["cloud.notListening"].slice(0, 10));
      back();
      await visit("interfaces", "bond0");
      back();
      await visit("disks", "nvme0n1");
      back();
      await visit("services", t["services.title"]);
      back();
      await visit("machines", t["machines.title"]);
      back();
      await visit("cpu", "qemu-system");
      back();
      await visit("memory", "qemu-system");
      back();
      await visit("logs", t["error.LOGS.NO_JOURNAL"]);
      back();
      await visit("ping", t["ping.go"]);
      console.type("\x15" + "10.0.0.1\t\t\r");
      await shows("ping-running", "icmp_seq=2");
      console.press("esc");
      await console.until(t["ping.ended"]);
      back();
      await visit("jobs", "10.0.0.1");
      console.press("enter");
      await shows("job-log", "icmp_seq=2");
      back();
      await console.until(t["jobs.column.console"]);
      back();
      await visit("audit", "session.open");
      back();
      await listed();
      back();

      await console.until("F12");
      console.press("f12");
      await console.until(t["password.title"]);
      console.type(`${goodPassword}\r`);
      await shows("power", t["power.choose"]);
      console.press("enter");
      await shows("power-phrase", t["power.noBackup"]);
      if (look.profile === "basic") assertAscii(console);
      assert.equal(console.errors(), "");
    });
  });
});

/* What a technician looks at first when something is broken. */
describe("a storage node with a failing disk", () => {
  const machine = "storage-failing";
  let agent: RunningAgent;
  before(async () => {
    agent = await startAgent({ fixture: machine });
    await allFactsRead(agent);
    await agent.client("setup").call("choosePassword", { body: { password: goodPassword } });
  });
  after(async () => {
    await closeConsoles();
    await stopAgents();
  });

  for (const look of looks)
    it(`says so on each of its screens, ${look.profile}, ${look.language}`, async () => {
      const console = await open(agent, machine, look, "80x24");
      const t = look.language === "zh" ? zh : en;
      const shows = (screen: string, sign: string) =>
        matchesGolden(console, { machine, screen, size: "80x24", ...look }, sign);
      await console.until("F12");
      console.press("enter");
      await console.until(t["password.title"]);
      console.type(`${goodPassword}\r`);
      await shows("full", t["hint.lock"]);
      console.press("f2");
      for (const item of ["diagnostics", "interfaces", "disks", "machines"] as const) {
        await untilTitle(console, t["configuration.title"]);
        await selectLine(console, t[titles[item]]);
        console.press("enter");
        await shows(item, t[titles[item]]);
        if (item === "disks") {
          console.press("enter");
          await shows("disk", "sde");
          console.press("esc");
        }
        console.press("esc");
      }
      assert.equal(console.errors(), "");
    });
});
