import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { Hardware } from "../../../core/model/installation/hardware.ts";
import type { InstallFailure, InstallStep } from "../../../core/model/installation/protocol.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { answersUrl, type FoundAnswers, findAnswers } from "../../../iso/engine/answers-source.ts";
import { collect } from "../../../iso/engine/collect.ts";
import { tryDhcp } from "../../../iso/engine/dhcp.ts";
import { Engine } from "../../../iso/engine/engine.ts";
import type { runSteps } from "../../../iso/engine/run-steps.ts";
import { firstState } from "../../../iso/engine/state.ts";
import { carryOutAnswers } from "../../../iso/engine/unattended.ts";
import type { StepContext } from "../../../iso/engine/work.ts";
import { undoAfter } from "../../support/undo.ts";
import { fakeMachine } from "./fake-machine.ts";
import { aDisk, aDraft, aMachine, someHash } from "./samples.ts";

const engineMain = join(import.meta.dirname, "../../../iso/engine/main.ts");
const { signal } = new AbortController();
const refuses = (code: string) => (error: unknown) => error instanceof NodeError && error.code === code;

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  undoAfter(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A medium whose list fits its files, unless `damage` is one of them. */
function aMedium(t: TestContext, damage = ""): string {
  const medium = temporary(t);
  mkdirSync(join(medium, "binnacle"));
  const files = Object.fromEntries(
    ["vmlinuz", "initrd.img", "system.squashfs"].map((name) => {
      const text = `contents of ${name}`;
      writeFileSync(join(medium, "binnacle", name), name === damage ? text.toUpperCase() : text);
      return [name, { sha256: createHash("sha256").update(text).digest("hex"), sizeBytes: text.length }];
    }),
  );
  const list = { product: "Binnacle", version: "1.2.3", files };
  writeFileSync(join(medium, "binnacle/manifest.json"), JSON.stringify(list));
  return medium;
}

type Run = typeof runSteps;

function bed(t: TestContext, more: { run?: Run; hardware?: Hardware; damage?: string } = {}) {
  const medium = aMedium(t, more.damage);
  const hardware = more.hardware ?? aMachine();
  const lines: string[] = [];
  const power: string[] = [];
  const waiting: { until: () => boolean; resolve: () => void }[] = [];
  const engine = new Engine({
    machine: realMachine(),
    places: { medium, work: join(temporary(t), "work") },
    version: "1.2.3",
    probe: async () => hardware,
    hasher: [process.execPath, engineMain, "--hash"],
    power: {
      async act(action) {
        power.push(action);
      },
    },
    onLog: (line) => lines.push(line),
    onChange() {
      for (const { until, resolve } of waiting) if (until()) resolve();
    },
    ...(more.run === undefined ? {} : { run: more.run }),
  });
  undoAfter(t, () => engine.close());
  const reaches = (until: () => boolean) =>
    until() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ until, resolve }));
  return {
    engine,
    lines,
    power,
    hardware,
    phase: (name: string) => reaches(() => engine.state().phase === name),
    reaches,
  };
}

const failure: InstallFailure = {
  step: "verify",
  code: "VERIFY.DIFFERS",
  description: "",
  remedy: "",
  command: null,
  lastLines: [],
};

async function answered(engine: Engine): Promise<void> {
  for (const which of ["root", "admin"] as const)
    await engine.call("tty1", { call: "setPassword", args: { which, password: "correct horse 1" } });
}

test("the installation goes on and ends when the front end that started it has gone", async (t) => {
  let finish: () => void = () => {};
  const run: Run = async (_from, _context, onStep) => {
    onStep("copy");
    await new Promise<void>((resolve) => (finish = resolve));
    return undefined;
  };
  const { engine, phase, reaches } = bed(t, { run });
  await engine.start();
  await answered(engine);
  await engine.call("tty1", { call: "install", args: { typed: "sda" } });
  await reaches(() => engine.state().progress?.step === "copy");
  engine.gone("tty1");
  assert.deepEqual([engine.state().leader, engine.state().phase], [null, "installing"]);
  finish();
  await phase("done");
});

test("after a failure a retry goes on from the step that the disk allows, with the same UUIDs", async (t) => {
  const runs: { from: InstallStep; context: StepContext }[] = [];
  const run: Run = async (from, context, onStep) => {
    onStep(from);
    runs.push({ from, context });
    return runs.length === 1 ? failure : undefined;
  };
  const { engine, phase } = bed(t, { run });
  await engine.start();
  await answered(engine);
  await engine.call("tty1", { call: "install", args: { typed: "sda" } });
  await phase("failed");
  assert.equal(engine.state().failure?.code, "VERIFY.DIFFERS");
  await engine.call("tty1", { call: "retry", args: {} });
  await phase("done");
  assert.deepEqual(
    runs.map(({ from }) => from),
    ["check", "copy"],
  );
  assert.equal(runs[0]?.context.job.layout, runs[1]?.context.job.layout);
});

test("a technician goes from a failure back to the questions, and finds the answers as they were", async (t) => {
  const run: Run = async (_from, _context, onStep) => {
    onStep("verify");
    return failure;
  };
  const { engine, phase } = bed(t, { run });
  await engine.start();
  await answered(engine);
  await engine.call("tty1", { call: "setRole", args: { role: "compute" } });
  await engine.call("tty1", { call: "install", args: { typed: "sda" } });
  await phase("failed");
  await engine.call("tty1", { call: "backToQuestions", args: {} });
  await phase("questions");
  assert.partialDeepStrictEqual(engine.state(), {
    failure: null,
    progress: null,
    draft: { role: "compute", disk: { disk: "sda", erase: false }, passwordsSet: { root: true, admin: true } },
  });
});

test("neither a password nor its hash is in what front ends see or in the log", async (t) => {
  const { engine, lines } = bed(t);
  await engine.start();
  await answered(engine);
  assert.deepEqual(engine.state().draft?.passwordsSet, { root: true, admin: true });
  assert.doesNotMatch(`${JSON.stringify(engine.state())}${lines.join("\n")}`, /correct horse|\$y\$/);
});

test("the medium is checked in the background: a good one passes, a damaged file is named", async (t) => {
  for (const [damage, expected] of [
    ["", { check: "pass", share: 1, file: null }],
    ["initrd.img", { check: "fail", file: "initrd.img" }],
  ] as const) {
    const { engine, reaches } = bed(t, { damage });
    await engine.start();
    await reaches(() => ["pass", "fail"].includes(engine.state().medium.check));
    assert.partialDeepStrictEqual(engine.state().medium, expected);
  }
});

const yaml = `binnacle: 1
role: compute
disk:
  system: first-empty
passwords:
  root: ${someHash}
afterwards: reboot
`;

async function carryOut(t: TestContext, found: FoundAnswers, hardware = aMachine()) {
  const runs: InstallStep[] = [];
  const run: Run = async (from) => {
    runs.push(from);
    return undefined;
  };
  const made = bed(t, { run, hardware });
  await made.engine.start();
  await carryOutAnswers(found, made.engine);
  return { ...made, runs, state: made.engine.state() };
}

test("a right answer file installs without a question, and then does what it says", async (t) => {
  const { runs, power, state } = await carryOut(t, { from: "answers.yaml", text: yaml });
  assert.deepEqual([runs, power, state.leader], [["check"], ["reboot"], "answers"], state.refusal.join("\n"));
});

test("a wrong answer file is refused with its lines, and nothing is run", async (t) => {
  const full = aMachine({ disks: [aDisk("sda", { empty: false, partitionTable: "gpt" })] });
  const wrong: [FoundAnswers, Hardware][] = [
    [{ from: "answers.yaml", text: "role: emperor\n" }, aMachine()],
    [{ from: "answers.yaml", text: yaml }, full],
    [{ from: "http://127.0.0.1/x", unreadable: "the server answered 404" }, aMachine()],
  ];
  for (const [found, hardware] of wrong) {
    const { runs, power, state } = await carryOut(t, found, hardware);
    assert.deepEqual([runs, power, state.phase, state.failure], [[], [], "refused", null]);
    assert.ok(state.refusal[0]?.startsWith(found.from), state.refusal.join("\n"));
  }
});

async function serving(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undoAfter(t, () => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
}

function places(medium: string, given?: string, commandLine = "") {
  const { machine } = fakeMachine({ lsblk: { stdout: '{"blockdevices":[]}' } });
  const readFile = async (path: string) => {
    if (path === "/proc/cmdline") return commandLine;
    throw new NodeError("FILE.ABSENT", path);
  };
  return { machine: { ...machine, readFile }, medium, given, peekFile: ["peek-file"], signal, log() {} };
}

test("an answer file is fetched from the kernel's command line, at the third try if need be, before the medium's", async (t) => {
  const medium = aMedium(t);
  writeFileSync(join(medium, "binnacle/answers.yaml"), "from: medium\n");
  assert.deepEqual(await findAnswers(places(medium)), {
    from: join(medium, "binnacle/answers.yaml"),
    text: "from: medium\n",
  });
  let asked = 0;
  const url = await serving(t, (_request, response) => {
    asked += 1;
    response.statusCode = asked < 3 ? 503 : 200;
    response.end("from: url\n");
  });
  const found = await findAnswers(places(medium, undefined, `quiet binnacle.answers=${url}/a.yaml\n`));
  assert.deepEqual(found, { from: `${url}/a.yaml`, text: "from: url\n" });
});

test("a URL that gives no answers is an error; no answers anywhere are none", async (t) => {
  const url = await serving(t, (_request, response) => {
    response.statusCode = 404;
    response.end();
  });
  const medium = aMedium(t);
  assert.deepEqual(await findAnswers(places(medium, `${url}/a`)), {
    from: `${url}/a`,
    unreadable: "the server answered 404",
  });
  assert.deepEqual(await findAnswers(places(medium, undefined, "binnacle.answers=ftp://x/y")), {
    from: "ftp://x/y",
    unreadable: "it is no http or https URL",
  });
  assert.equal(await findAnswers(places(medium)), undefined);
  assert.equal(answersUrl("a binnacle.answers=http://x/y b"), "http://x/y");
});

test("a partition labelled ANSWERS comes first; one without the file is an error", async (t) => {
  const medium = aMedium(t);
  const node = { name: "sdb1", path: "/dev/sdb1", type: "part", size: 1, fstype: "vfat", label: "ANSWERS" };
  const lsblk = { stdout: JSON.stringify({ blockdevices: [node] }) };
  const common = { ...places(medium), machine: fakeMachine({ lsblk, "peek-file": { stdout: "a: 1\n" } }).machine };
  assert.deepEqual(await findAnswers(common), { from: "sdb1 (ANSWERS): answers.yaml", text: "a: 1\n" });
  const failing = { ...common, machine: fakeMachine({ lsblk, "peek-file": { code: 1, stderr: "no file" } }).machine };
  assert.match(JSON.stringify(await findAnswers(failing)), /unreadable/);
});

test("the collected report holds log and hardware, and no hashes", async (t) => {
  let body = "";
  const url = await serving(t, (request, response) => {
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => response.end());
  });
  const hardware = aMachine();
  const state = { ...firstState("1.2.3"), hardware, draft: aDraft(hardware), log: ["a line of the log"] };
  const { machine } = fakeMachine();
  const place = await collect({ machine, work: temporary(t), signal }, `${url}/logs/`, state);
  assert.match(place, /\/logs\/binnacle-install-20260601T000000\.log$/);
  assert.match(body, /a line of the log/);
  assert.match(body, /"cpus": 8/);
  assert.doesNotMatch(body, /\$y\$/);
});

test("the report is never written to the disk that is installed, nor to anything that is mounted", async (t) => {
  const part = (name: string, mountpoints: string[]) => ({
    name,
    path: `/dev/${name}`,
    type: "part",
    size: 1,
    fstype: "vfat",
    mountpoints,
  });
  const whole = (name: string, children: object[]) => ({ name, path: `/dev/${name}`, type: "disk", size: 1, children });
  const stdout = JSON.stringify({
    blockdevices: [whole("sda", [part("sda1", [])]), whole("sdb", [part("sdb1", ["/media"]), part("sdb2", [])])],
  });
  const { machine, ran } = fakeMachine({ lsblk: { stdout } });
  const hardware = aMachine();
  const state = { ...firstState("1.2.3"), hardware, draft: aDraft(hardware) };
  const options = { machine, work: temporary(t), signal };
  for (const target of ["sda1", "sdb1", "sdz1", "../x", "sdb"])
    await assert.rejects(collect(options, target, state), refuses("COLLECT.TARGET"), target);
  assert.match(await collect(options, "sdb2", state), /^sdb2: binnacle-install-/);
  assert.deepEqual(
    ran.map(({ line }) => line.split(" ")[0]).filter((command) => command !== "lsblk"),
    ["mount", "umount"],
  );
});

test("DHCP is tried through NetworkManager; its failure, and a cable that is out, have their own codes", async () => {
  const { network } = aDraft(aMachine());
  const running = { nmcli: { stdout: "running\n" } };
  const carrier = (value: string) => async (path: string) =>
    path.endsWith("/carrier") ? value : path === "/etc/resolv.conf" ? "nameserver 192.0.2.53\n" : "";
  const address = { family: "inet", local: "192.0.2.9", prefixlen: 24, scope: "global" };
  const eno1 = { ifname: "eno1", flags: ["UP"], mtu: 1500, link_type: "ether", addr_info: [address] };
  const answers = {
    ...running,
    "ip -j -d -s addr": { stdout: JSON.stringify([eno1]) },
    "ip -j route": { stdout: JSON.stringify([{ dst: "default", gateway: "192.0.2.1", dev: "eno1" }]) },
  };
  const made = fakeMachine(answers);
  assert.deepEqual(await tryDhcp({ ...made.machine, readFile: carrier("1") }, network, signal), {
    address: "192.0.2.9/24",
    gateway: "192.0.2.1",
    nameServers: ["192.0.2.53"],
    seconds: 0,
  });
  assert.ok(made.ran.some(({ line }) => line === "nmcli --wait 20 connection up id binnacle-installer"));
  const none = fakeMachine({ "nmcli --wait 20": { code: 4 }, ...answers });
  await assert.rejects(tryDhcp({ ...none.machine, readFile: carrier("1") }, network, signal), refuses("NET.NO_LEASE"));
  let now = 0;
  const monotonicMs = () => (now += 3000);
  const dead = { ...fakeMachine(answers).machine, readFile: carrier("0"), monotonicMs };
  await assert.rejects(tryDhcp(dead, network, signal), refuses("NET.NO_CARRIER"));
});
