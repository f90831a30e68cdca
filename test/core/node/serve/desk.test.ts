import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import type { Facts } from "../../../../core/model/facts.ts";
import { missingFacts } from "../../../../core/model/facts.ts";
import { archivePaths } from "../../../../core/node/archives/world.ts";
import { Audit } from "../../../../core/node/audit.ts";
import { createLog } from "../../../../core/node/log.ts";
import { addressesOf, ServingDesk } from "../../../../core/node/serve/desk.ts";
import { firewallOf } from "../../../../core/node/serve/firewall.ts";
import { root, temporaryFolder } from "../../../support/programs.ts";
import { recordedFacts } from "../../../tui/screens/support.ts";
import { handMachine } from "../facts/hand-machine.ts";

const none: Facts = missingFacts({ code: "pending", detail: "" }, 0);
let folder: { path: string; dispose(): void };
let hand: ReturnType<typeof handMachine>;
let audit: Audit;
let desk: ServingDesk;
let commands: string[];

beforeEach(() => {
  folder = temporaryFolder();
  const paths = archivePaths(folder.path);
  for (const name of ["a", "b"]) {
    mkdirSync(join(paths.logs, name), { recursive: true });
    writeFileSync(join(paths.logs, `${name}.tar.gz`), `archive ${name}`);
  }
  hand = handMachine();
  commands = [];
  audit = new Audit({ file: join(folder.path, "audit"), now: hand.machine.now, log: createLog({ level: "silent" }) });
  const { machine } = hand;
  desk = new ServingDesk({ machine, paths, audit, facts: () => none, local: true, firewall: quiet(), onTrouble() {} });
});
afterEach(async () => {
  await desk.close();
  folder.dispose();
});

function quiet() {
  return firewallOf(async (command, args) => {
    commands.push([command, ...args].join(" "));
    return { code: 0, stdout: "", stderr: "" };
  });
}

const status = async (url: string) => (await fetch(url)).status;
const audited = async () =>
  (await audit.read(20)).entries.map(({ action, result, detail }) => [action, result, detail]);

describe("an archive that is handed out", () => {
  test("can be fetched until its hour is over, and its end is in the audit log with the counts", async () => {
    const { addresses, endsAt } = await desk.start("logs", "a", "tty1");
    const [url = ""] = addresses;
    assert.equal(endsAt - hand.machine.now(), 3_600_000);
    assert.equal(await (await fetch(`${url}a.tar.gz`)).text(), "archive a");
    assert.equal(await status(url.replace(/[^/]+\/$/, "wrong/")), 404);
    assert.equal(desk.current?.downloads, 1);
    assert.equal(desk.current?.wrong, 1);
    await hand.pass(3_599_000);
    assert.equal(await status(url), 200);
    await hand.pass(1_000);
    await desk.end("nobody");
    assert.equal(desk.current, null);
    await assert.rejects(fetch(url));
    const entries = await audited();
    assert.deepEqual(
      entries.map(([action]) => action),
      ["serve.end", "serve.wrong", "serve.start"],
    );
    assert.equal(entries[0]?.[2], "a: time, files fetched 1, wrong addresses 1");
    assert.match(entries[1]?.[2] ?? "", /by 127\.0\.0\.1, 1 so far/);
    // Whoever reads the audit log must not be able to fetch.
    const [, token = ""] = /:\d+\/(\w+)\//.exec(url) ?? [];
    assert.ok(!readFileSync(join(folder.path, "audit"), "utf8").includes(token));
  });

  test("is prolonged by an hour, up to a day, and can be ended at once", async () => {
    const [url = ""] = (await desk.start("logs", "a", "tty1")).addresses;
    await hand.pass(1_800_000);
    const { endsAt } = await desk.prolong("tty1");
    assert.equal(endsAt - hand.machine.now(), 5_400_000);
    await hand.pass(4_000_000);
    assert.equal(await status(url), 200);
    for (let i = 0; i < 40; i++) await desk.prolong("tty1");
    assert.equal((desk.current?.endsAt ?? 0) - hand.machine.now(), 24 * 3_600_000);
    await desk.end("tty1");
    await assert.rejects(fetch(url));
    await assert.rejects(desk.prolong("tty1"), { code: "SERVE.ENDED" });
    assert.equal(hand.waiting(), 0);
  });

  test("gives way to the next one, whose address is another", async () => {
    const [first = ""] = (await desk.start("logs", "a", "tty1")).addresses;
    const [second = ""] = (await desk.start("logs", "b", "ttyS0")).addresses;
    await assert.rejects(fetch(first));
    assert.equal(await (await fetch(`${second}b.tar.gz`)).text(), "archive b");
    assert.equal(await status(`${second}a.tar.gz`), 404);
    assert.equal(hand.waiting(), 1);
  });

  test("is taken back before it is deleted, and another one is left", async () => {
    await desk.start("logs", "a", "tty1");
    await desk.release("logs", "b", "tty1");
    assert.equal(desk.current?.name, "a");
    await desk.release("logs", "a", "tty1");
    assert.equal(desk.current, null);
  });

  for (const name of ["c", "../a", ".", "", "a/../b", "a\0"])
    test(`has to be there: ${JSON.stringify(name)}`, async () => {
      await assert.rejects(desk.start("logs", name, "tty1"), { code: "ARCHIVE.UNKNOWN" });
      assert.equal(desk.current, null);
    });

  test("is found at the management address first, and not on loopback", async () => {
    const { facts } = await recordedFacts("bonded-server");
    const hosts = addressesOf(facts);
    const management =
      facts.network.state === "value" ? facts.network.value.links.find((one) => one.management) : undefined;
    assert.equal(hosts[0], management?.addresses.find(({ family }) => family === "inet")?.address);
    assert.ok(hosts.length >= 1 && hosts.every((host) => !host.startsWith("127.")), hosts.join());
    assert.deepEqual(addressesOf(none), []);
  });
});

describe("the firewall", () => {
  test("is opened for as long as the archive is there, and closed at the end", async () => {
    const paths = archivePaths(folder.path);
    const { machine } = hand;
    const open = new ServingDesk({
      machine,
      paths,
      audit,
      facts: () => none,
      local: false,
      firewall: quiet(),
      onTrouble() {},
    });
    await open.recover();
    const { port, firewall } = await open.start("logs", "a", "tty1");
    assert.equal(firewall, "open");
    await open.close();
    const without = `nft add element inet binnacle served { ${port} timeout 1s }; delete element inet binnacle served { ${port} }`;
    assert.deepEqual(commands, [
      "nft flush set inet binnacle served",
      `${without}; add element inet binnacle served { ${port} timeout 3600s }`,
      without,
    ]);
  });

  const answers: [
    what: string,
    answer: () => Promise<{ code: number; stdout: string; stderr: string }>,
    expected: string,
  ][] = [
    ["no nft", () => Promise.reject(new NodeError("RUN.NOT_FOUND", "not installed")), "none"],
    ["no table of ours", async () => ({ code: 1, stdout: "", stderr: "Error: No such file or directory" }), "none"],
    ["no right", async () => ({ code: 1, stdout: "", stderr: "Operation not permitted" }), "closed"],
    ["no answer", () => Promise.reject(new NodeError("RUN.TIMEOUT", "hangs")), "closed"],
  ];
  for (const [what, answer, expected] of answers)
    test(`with ${what} is ${expected}, and nothing fails`, async () => {
      const firewall = firewallOf(answer);
      assert.equal(await firewall.open(7071, 60), expected);
      await firewall.close(7071);
      await firewall.closeAll();
    });

  test("of a former version, without the set, gets it; one that refuses stays closed", async () => {
    const asked: string[] = [];
    const firewall = firewallOf(async (_command, [line = ""]) => {
      asked.push(line);
      const isOld = !line.startsWith("add set") && !line.startsWith("list table");
      return { code: isOld ? 1 : 0, stdout: "", stderr: isOld ? "Error: No such file or directory" : "" };
    });
    assert.equal(await firewall.open(7071, 60), "open");
    assert.match(asked.at(-1) ?? "", /^add set inet binnacle served .*; add rule .*; add element .* timeout 60s }$/);
    await firewall.closeAll();
    assert.doesNotMatch(asked.at(-1) ?? "", /add set/);
  });

  const cannot =
    spawnSync("unshare", ["--net", "nft", "--version"]).status === 0 ? false : "needs root, unshare and nft";
  test("of a node opens the port, lets it expire, and can be closed twice", { skip: cannot }, async () => {
    const rules = readFileSync(join(root, "iso/overlay/etc/nftables.conf"), "utf8").replace(/include .*/, "");
    const file = join(folder.path, "nftables.conf");
    writeFileSync(file, rules);
    const said: string[] = [];
    const firewall = firewallOf(async (_command, args) => {
      said.push(args.join(" "));
      return { code: 0, stdout: "", stderr: "" };
    });
    await firewall.closeAll();
    await firewall.open(7071, 60);
    await firewall.open(7071, 7200);
    await firewall.close(7071);
    await firewall.close(7071);
    const list = "nft list set inet binnacle served";
    const script = ['nft -f "$1"', ...said.map((command) => `nft '${command}' && ${list}`)].join(" && echo ---- && ");
    const ran = spawnSync("unshare", ["--net", "sh", "-c", script, "sh", file], { encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
    const states = ran.stdout
      .split("----")
      .slice(1)
      .map((text) => /7071 timeout \w+/.exec(text)?.[0] ?? "none");
    assert.deepEqual(states, ["none", "7071 timeout 1m", "7071 timeout 2h", "none", "none"]);
  });
});
