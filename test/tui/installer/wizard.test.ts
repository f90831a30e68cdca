import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { ConsoleBed } from "../../support/console.ts";
import { findSecret } from "../../support/secret-search.ts";
import { adminPassword, basicLook, enterThrough, installerRoom, richLook, rootPassword, untilPage } from "./room.ts";

/* The installer's real program on a pseudo terminal, with an engine that touches nothing: what a technician does. */

const room = installerRoom();

const pageTitles = [
  "1/7 Language",
  "2/7 Role",
  "3/7 Hardware checks",
  "4/7 Disk ",
  "4/7 Disk layout",
  "5/7 Network",
  "6/7 Passwords",
  "7/7 Summary",
] as const;
const [, , , , , network, passwords, summary] = pageTitles;
const questions = pageTitles.slice(0, -1);
const before = (title: string) => pageTitles.slice(0, [...pageTitles].map(String).indexOf(title));

async function openAt(title: string): Promise<ConsoleBed> {
  const console = await room.open();
  await enterThrough(console, before(title));
  await untilPage(console, title);
  return console;
}

describe("Enter all the way", () => {
  for (const look of [richLook, basicLook])
    it(`installs what the engine proposes; only passwords and the disk's name are typed (${look?.profile})`, async () => {
      const engine = await room.engine("laptop-vm");
      const { draft } = engine;
      const console = await room.open(look);
      await enterThrough(console, questions);
      await console.until("WILL BE ERASED: vda");
      console.type("vda\r");
      await console.until("Installing the Management Node on vda");
      assert.deepEqual({ ...engine.draft, passwords: draft.passwords, disk: draft.disk }, draft);
      assert.ok(engine.draft.passwords.root !== null && engine.draft.passwords.admin !== null);
      assert.deepEqual(engine.received.at(-1), {
        call: "install",
        console: look?.console ?? "",
        args: { typed: "vda" },
      });
    });
});

describe("the last question", () => {
  it("takes neither another name, nor a paste, nor Enter alone", async () => {
    const engine = await room.engine("server");
    const console = await openAt(summary);
    console.press("enter");
    console.type("sda\r");
    await console.until("That is not nvme0n1. Nothing was done.");
    console.type("\x1b[200~nvme0n1\x1b[201~");
    await console.until("pasting is not accepted here");
    assert.ok(!engine.received.some(({ call }) => call === "install"));
  });

  it("names every disk of a mirror with what is on it", async () => {
    await room.engine("server");
    const console = await openAt("4/7 Disk layout");
    console.press("tab");
    console.press("right");
    await console.until("PARTITIONS OF nvme0n1 + sda");
    for (let i = 0; i < 2; i++) console.press("tab");
    console.press("enter");
    await enterThrough(console, [network, passwords]);
    await console.until(/WILL BE ERASED: nvme0n1 .*[\s\S]*WILL BE ERASED: sda .*[\s\S]*vg_data/);
  });

  it("is not asked while an answer is wrong; Enter goes to that answer", async () => {
    const engine = await room.engine("laptop-vm");
    const console = await openAt(summary);
    const problem = {
      code: "DISK.UNKNOWN",
      section: "disk",
      field: "disk.disk",
      severity: "error",
      description: "",
      remedy: "",
      values: { disk: "vda" },
    } as const;
    engine.set({ problems: [problem] });
    await console.until("vda is no longer there. Choose another one.");
    console.press("enter");
    await untilPage(console, "4/7 Disk ");
  });
});

describe("going back", () => {
  it("keeps what was answered, and what was typed but not sent yet", async () => {
    const engine = await room.engine("laptop-vm");
    const console = await openAt(network);
    console.press("tab");
    console.type("\x15node-7");
    await console.until("node-7");
    console.press("esc");
    await untilPage(console, "4/7 Disk layout");
    console.press("enter");
    await console.until("node-7");
    console.press("enter");
    await untilPage(console, passwords);
    assert.equal(engine.draft.network.hostname, "node-7");
    for (const title of [network, "4/7 Disk layout", "4/7 Disk ", "3/7 Hardware checks", "2/7 Role", "1/7 Language"]) {
      console.press("esc");
      await untilPage(console, title);
    }
    await enterThrough(console, before(network));
    await console.until("node-7");
  });

  it("to the passwords keeps those that were accepted, and does not ask for them again", async () => {
    await room.engine("laptop-vm");
    const console = await openAt(summary);
    console.press("esc");
    await untilPage(console, passwords);
    await console.until("It is set. Leave it empty to keep it.");
    console.type("\t\t\t\t");
    console.press("enter");
    await untilPage(console, summary);
    await console.until("WILL BE ERASED");
  });

  it("Esc and a digit typed by hand is an F-key, and leaves the page where it was", async () => {
    await room.engine("laptop-vm");
    const console = await openAt("2/7 Role");
    console.press("esc");
    await untilPage(console, "1/7 Language");
    console.type("1");
    await untilPage(console, "Help");
    console.press("esc");
    await untilPage(console, "2/7 Role");
  });
});

describe("answers that can't be right", () => {
  it("are told at their field: no localhost, no address without its prefix, no gateway outside of the network", async () => {
    const engine = await room.engine("laptop-vm");
    const console = await openAt(network);
    console.press("tab");
    console.type("\x15localhost\t");
    await console.until("must not be localhost");
    console.press("up");
    console.type("\x15node-7\t\t\t\x1b[C\t192.0.2.10\t");
    await console.until("Give an address with its prefix");
    console.press("up");
    console.type("/24\t192.0.9.1");
    console.type("\t\t\t\t\r");
    await console.until("the gateway 192.0.9.1 is not in 192.0.2.0/24");
    console.type("\x15192.0.2.1\t\t\t\t\r");
    await untilPage(console, passwords);
    assert.deepEqual(engine.draft.network.ipv4, {
      method: "static",
      address: "192.0.2.10",
      prefix: 24,
      gateway: "192.0.2.1",
    });
  });

  it("several marked interfaces make a bond, and its mode can be chosen", async () => {
    const engine = await room.engine("server");
    const console = await openAt(network);
    console.type("\t\t ");
    await untilPage(console, "5/7 Interface");
    console.press("down");
    console.type(" \r");
    await console.until("bond0: eno1 eno2");
    console.type("\t ");
    await console.until("802.3ad (LACP)");
    console.type("\t\t\t\t\t\t\r");
    await untilPage(console, passwords);
    assert.deepEqual(engine.draft.network.links, ["eno1", "eno2"]);
    assert.deepEqual(engine.draft.network.bond, { name: "bond0", mode: "802.3ad" });
  });

  it("a DHCP server that does not answer is told, and keeps nobody from going on", async () => {
    const engine = await room.engine("laptop-vm");
    engine.answer("tryDhcp", () => {
      throw new NodeError("NET.NO_LEASE", "Nobody answered.");
    });
    const console = await openAt(network);
    await console.until("DHCP on enp1s0: no server answered.");
    console.press("enter");
    await untilPage(console, passwords);
  });

  it("custom sizes that are too large are told with the plan, and stay to be corrected", async () => {
    await room.engine("laptop-vm");
    const console = await openAt("4/7 Disk layout");
    console.type("\t\x1b[C");
    await console.until("/var/lib/binnacle");
    console.type("\t\t\x15900 G\t");
    await console.until("more than vda has");
    console.type("\t\t\t\r");
    await console.until("can't be cut like this");
    await untilPage(console, "4/7 Disk layout");
  });
});

describe("several consoles", () => {
  it("the first key leads, the others follow the answers, and any of them may take over", async () => {
    const engine = await room.engine("laptop-vm");
    const first = await room.open({ console: "tty1" });
    const second = await room.open({ console: "ttyS0", profile: "basic" });
    await untilPage(first, "1/7 Language");
    await untilPage(second, "1/7 Language");
    first.press("down");
    await second.until("being answered on tty1");
    assert.equal(engine.state.leader, "tty1");
    first.press("enter");
    await first.until(/1\/7/);
    second.press("enter");
    second.press("down");
    first.press("up");
    first.press("up");
    await enterThrough(first, ["1/7 Language", "2/7 Role"]);
    await untilPage(first, "3/7 Hardware checks");
    await second.until("tty1, which is at step 3 of 7");
    second.type("t");
    await untilPage(second, "3/7 Hardware checks");
    await first.until("being answered on ttyS0");
    await first.until("ttyS0 has taken over");
    second.press("esc");
    await untilPage(second, "2/7 Role");
    first.type("t");
    await second.until("being answered on tty1");
    await untilPage(first, "2/7 Role");
    assert.equal(engine.state.leader, "tty1");
  });

  it("one that comes later, and leads because nobody does any more, goes on where the last one was", async () => {
    const engine = await room.engine("laptop-vm", { state: { question: "network" } });
    const console = await room.open({ console: "ttyS0", profile: "basic" });
    await untilPage(console, "5/7 Network");
    engine.set({ leader: "tty1", question: "disk" });
    await console.until("tty1, which is at step 4 of 7");
    engine.set({ leader: null });
    await untilPage(console, "4/7 Disk ");
  });

  it("one that watches sees the progress, and does nothing to it", async () => {
    const engine = await room.engine("server", { leader: "tty1", state: { phase: "failed" } });
    const console = await room.open({ console: "ttyS0" });
    await untilPage(console, "failed");
    console.press("enter");
    console.press("f1");
    await untilPage(console, "Help");
    assert.deepEqual(
      engine.received.map(({ call }) => call),
      ["hello"],
    );
  });
});

describe("while the engine works", () => {
  it("keys pressed meanwhile do not reach the next page", async () => {
    const engine = await room.engine("laptop-vm");
    let release: (value: unknown) => void = () => {};
    const waits = new Promise((resolve) => {
      release = resolve;
    });
    engine.answer("setRole", () => waits);
    const console = await openAt("2/7 Role");
    console.press("enter");
    await console.until("Working ...");
    for (let i = 0; i < 3; i++) console.press("enter");
    console.press("f1");
    await untilPageShown(console, "Help");
    release({});
    console.press("esc");
    await untilPage(console, "3/7 Hardware checks");
  });

  it("a failure offers to try again, to go back to the questions, and to take the log away", async () => {
    const failure = {
      step: "copy",
      code: "COPY.READ",
      description: "The medium can't be read.",
      remedy: "Try another one.",
      command: null,
      lastLines: [],
    } as const;
    const engine = await room.engine("server", {
      leader: "tty1",
      state: { phase: "failed", failure: { ...failure, lastLines: [] } },
    });
    const console = await room.open();
    await console.until("The medium can't be read.");
    console.press("down");
    console.press("down");
    console.press("enter");
    await untilPage(console, "Collect the log");
    console.type("sdg1\r\r");
    await console.until("Written: /binnacle-install.tar.gz");
    console.press("home");
    console.press("enter");
    await untilPage(console, "Installing");
    engine.set({ phase: "failed", failure: { ...failure, lastLines: [] } });
    await console.until("Back to the questions");
    console.press("down");
    console.press("enter");
    await untilPage(console, "1/7 Language");
    const asked = engine.received.map(({ call }) => call);
    assert.deepEqual(asked.slice(1), ["collect", "retry", "backToQuestions"]);
  });

  it("a wrong answer file can be left alone: the questions are asked on the console where somebody says so", async () => {
    const engine = await room.engine("server", { leader: "answers", state: { phase: "refused", refusal: ["line 3"] } });
    const console = await room.open();
    await console.until("Nothing was touched");
    console.type("a");
    await untilPage(console, "1/7 Language");
    assert.equal(engine.state.leader, "tty1");
  });

  it("the log opens on a key and follows", async () => {
    const engine = await room.engine("server", { state: { phase: "installing", log: ["first line"] }, leader: "tty1" });
    const console = await room.open();
    await untilPage(console, "Installing");
    console.type("l");
    await console.until("first line");
    engine.set({ log: ["first line", "second line"] });
    await console.until("second line");
  });
});

describe("an engine that goes away", () => {
  it("is said, keys are answered, and the questions go on where they were", async () => {
    const engine = await room.engine("laptop-vm");
    const console = await openAt(network);
    await engine.close();
    await console.until("engine is not running");
    console.press("f1");
    await untilPage(console, "Help");
    console.press("esc");
    await untilPage(console, network);
    console.press("enter");
    await room.engine("laptop-vm");
    await console.until((text) => !text.includes("engine is not running"));
    console.press("enter");
    await untilPage(console, passwords);
  });

  it("while it installs leaves the last progress on the screen", async () => {
    const progress = { step: "copy", stepShare: 0.5, share: 0.4, elapsedSeconds: 60, remainingSeconds: 90 } as const;
    const engine = await room.engine("server", { state: { phase: "installing", progress }, leader: "tty1" });
    const console = await room.open();
    await console.until("40 %");
    await engine.close();
    await console.until("engine is not running");
    assert.match(console.text(), /40 %/);
  });
});

describe("what nobody may see", () => {
  it("no password is ever on a screen, or in what the engine tells", async () => {
    const engine = await room.engine("laptop-vm");
    const watcher = await room.open({ console: "ttyS0", profile: "basic" });
    const console = await openAt(passwords);
    console.type(`${rootPassword}\tanother-${rootPassword}\t`);
    await console.until("The two entries differ.");
    console.press("esc");
    await untilPage(console, network);
    console.press("enter");
    await untilPage(console, passwords);
    console.type(`${rootPassword}\t${rootPassword}\t${adminPassword}\t${adminPassword}\r`);
    await untilPage(console, summary);
    const secrets = [rootPassword, adminPassword];
    for (const bed of [console, watcher])
      assert.equal(findSecret(Buffer.from(bed.raw(), "latin1").toString("utf8"), secrets), undefined);
    assert.equal(findSecret(engine.sent(), secrets), undefined);
  });
});

describe("a serial line of 9,600 baud", () => {
  it("gets less than a second of bytes when the mark moves in the list of disks", async () => {
    await room.engine("server");
    const console = await room.open({ console: "ttyS0", profile: "basic" }, { args: ["--baud", "9600"] });
    await enterThrough(console, before("4/7 Disk "));
    await console.until("Not offered");
    const written = console.written();
    console.press("down");
    await console.until("vg_data");
    assert.ok(console.written() - written < 960, `${console.written() - written} bytes`);
  });
});

/** As `untilPage`, also while something is on its way. */
function untilPageShown(console: ConsoleBed, title: string): Promise<void> {
  return console.until((text) => (text.split("\n")[0] ?? "").includes(title));
}
