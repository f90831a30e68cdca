import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { unpackBackup } from "../../core/backup/read.ts";
import { SqliteStore } from "../../core/store/sqlite.ts";
import { type ConsoleBed, closeConsoles, openConsole } from "../support/console.ts";
import { startAgent, stopAgents } from "../support/programs.ts";
import { choosePassword, leaveItem, logIn, openItem, untilTitle } from "../support/steps.ts";

/* Collect Logs and Backup Database, from key to download, on the real programs. */

afterEach(async () => {
  await closeConsoles();
  await stopAgents();
});

async function addressOn(console: ConsoleBed): Promise<string> {
  await untilTitle(console, "Address");
  const [address] = /http:\/\/127\.0\.0\.1:\d+\/\w+\//.exec(console.text()) ?? [];
  assert.ok(address !== undefined, console.text());
  return address;
}

describe("Collect Logs", () => {
  it("collects, shows the address, which another program reads, and takes it back; another console sees it", async () => {
    const agent = await startAgent();
    const logs = join(agent.home, "machine/var/lib/binnacle/logs");
    const console = await openConsole({ socketPath: agent.socketPath, args: ["--console", "tty1"] });
    await choosePassword(console);
    await openItem(console, "collect");
    await console.until(/> the last hour +(about|size not known)/);
    console.press("enter");
    const address = await addressOn(console);
    const [file = ""] = readdirSync(logs).filter((name) => name.endsWith(".tar.gz"));
    const answer = await fetch(`${address}${file}`);
    assert.equal(answer.status, 200);
    const archive = join(agent.home, "fetched.tar.gz");
    writeFileSync(archive, Buffer.from(await answer.arrayBuffer()));
    const names = execFileSync("tar", ["-tzf", archive], { encoding: "utf8" });
    assert.match(names, /\/INDEX\.txt$/m);
    assert.match(names, /\/node\/facts\.json$/m);
    const index = await (await fetch(`${address}${file.replace(".tar.gz", "")}/INDEX.txt`)).text();
    assert.match(index, /This node only/);
    await console.until("Files fetched: 2");

    const other = await openConsole({ socketPath: agent.socketPath, args: ["--console", "ttyS0"] });
    await logIn(other);
    await openItem(other, "collect");
    await other.until("To be fetched now");

    console.type("p");
    await console.until(/Ends in 1 h 59 m/);
    console.type("e");
    await console.until("It can't be fetched any more.");
    await assert.rejects(fetch(address));
    await untilTitle(console, "Collect Logs");
    await console.until(/Kept here\n +\S+-logs-/);
    console.press("end");
    await console.until(/> \S+-logs-.*\n/);
    console.type("d");
    await console.until("Delete ");
    console.type("y");
    await console.until("None is kept here yet.");
    assert.deepEqual(readdirSync(logs), []);
    await leaveItem(console);
    await openItem(console, "audit");
    await console.until(/archive\.delete +ok/);
    assert.match(console.text(), /serve\.end +ok/);
    assert.match(console.text(), /serve\.start +ok/);
    assert.match(console.text(), /logs\.collect +ok/);
    assert.equal(agent.output().includes(address.split("/")[3] ?? "-"), false);
    assert.equal(console.errors(), "");
  });
});

describe("Backup Database", () => {
  it("says that a node has no store, and exports one that is there", async () => {
    const agent = await startAgent({ fixture: "bonded-server" });
    const console = await openConsole({ socketPath: agent.socketPath, args: ["--console", "tty1"] });
    await choosePassword(console);
    await openItem(console, "backup");
    await console.until("This node has no store");
    await leaveItem(console);

    const manager = join(agent.home, "machine/var/lib/binnacle/manager");
    mkdirSync(manager, { recursive: true });
    const store = await SqliteStore.open({ file: join(manager, "store.db"), indexes: {} });
    await store.transact([{ do: "put", kind: "Zone", key: "z", value: { name: "east" } }]);
    await store.close();
    await openItem(console, "backup");
    await console.until(/> the store as it is now +about/);
    console.press("enter");
    const address = await addressOn(console);
    const [, name = ""] = /"\.\/([\w.-]+\.tar\.gz)"/.exec(await (await fetch(address)).text()) ?? [];
    const [copy, out] = [join(agent.home, "copy.tar.gz"), join(agent.home, "out")];
    writeFileSync(copy, Buffer.from(await (await fetch(`${address}${name}`)).arrayBuffer()));
    mkdirSync(out);
    assert.deepEqual((await unpackBackup(copy, out)).manifest.store.records, { Zone: 1 });
    assert.match(await (await fetch(`${address}${name}.sha256`)).text(), /^[0-9a-f]{64} {2}\S+\.tar\.gz\n$/);

    // Whoever has the address can't fetch any more when the agent has ended.
    await agent.kill("SIGTERM");
    await assert.rejects(fetch(address));
    assert.ok(existsSync(join(agent.home, "machine/var/lib/binnacle/backups", name)));
  });
});
