import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { keepAlive, notify } from "../../../core/manager/notify.ts";
import { skipFor } from "../../support/bed-needs.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* What systemd would hear: a datagram socket as it has one, held by perl, for Node has none of that kind. */

const isThere = spawnSync("systemd-notify", ["--version"]).status === 0;
const skip = skipFor(isThere ? undefined : "needs systemd-notify, of the package systemd");

/** Tells that it listens, then prints each datagram, its lines joined by a blank. */
const listener = `
use Socket; $| = 1;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die "bind: $!"; print "listens\\n";
while (defined recv($s, my $text, 8192, 0)) { $text =~ s/\\n+/ /g; $text =~ s/ $//; print "$text\\n"; }
`;

async function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const socket = join(folder.path, "notify");
  const systemd = spawn("perl", ["-e", listener, socket], { stdio: ["ignore", "pipe", "inherit"] });
  undoAfter(t, async () => {
    const ended = once(systemd, "exit");
    systemd.kill();
    await ended;
  });
  const lines = createInterface({ input: systemd.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "listens");
  const set = (name: string, value: string) => {
    const before = process.env[name];
    process.env[name] = value;
    undoAfter(t, () => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  };
  set("NOTIFY_SOCKET", socket);
  /** The messages up to the next one with this in it; some are what the program says for itself. */
  const heard = async (what: string): Promise<string> => {
    for (let all = ""; ; ) {
      const { value, done } = await lines.next();
      assert.ok(done !== true, "The socket is closed.");
      all += `${String(value)}\n`;
      if (String(value).includes(what)) return all;
    }
  };
  return { heard, set };
}

test("systemd hears that the manager is ready, with its status, and that it stops", { skip }, async (t) => {
  const { heard } = await bed(t);
  notify("READY=1", "STATUS=Serves calls on port 8080.");
  assert.match(await heard("READY=1"), /STATUS=Serves calls on port 8080\./);
  notify("STOPPING=1");
  await heard("STOPPING=1");
});

test("systemd hears time and again that the manager is alive, three times in each of its periods", {
  skip,
}, async (t) => {
  const { heard, set } = await bed(t);
  set("WATCHDOG_USEC", "30000000");
  t.mock.timers.enable({ apis: ["setInterval"] });
  const stop = keepAlive();
  undoAfter(t, stop);
  for (let third = 0; third < 3; third++) {
    t.mock.timers.tick(10_000);
    await heard("WATCHDOG=1");
  }
  stop();
  t.mock.timers.tick(60_000);
  notify("STATUS=after");
  assert.doesNotMatch(await heard("after"), /WATCHDOG/);
});

test("where systemd has not started the manager, and nobody watches it, nothing is told and nothing fails", async (t) => {
  const before = process.env["NOTIFY_SOCKET"];
  delete process.env["NOTIFY_SOCKET"];
  undoAfter(t, () => {
    if (before !== undefined) process.env["NOTIFY_SOCKET"] = before;
  });
  notify("READY=1");
  keepAlive()();
});
