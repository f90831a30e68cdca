import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SerialLine } from "../../../core/hypervisor/libvirt/serial-line.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/** A serial line at a socket, whose other end is the test's, as QEMU's is. */
async function line(t: TestContext, printedBefore?: string) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const [path, log] = [join(folder.path, "line.sock"), join(folder.path, "line.log")];
  if (printedBefore !== undefined) writeFileSync(log, printedBefore);
  const server = createServer();
  undoAfter(t, () => server.close());
  server.listen(path);
  await once(server, "listening");
  const near = connect({ path });
  const [guest]: Socket[] = await once(server, "connection");
  assert.ok(guest !== undefined);
  undoAfter(t, () => guest.destroy());
  return { line: new SerialLine(near, log), guest };
}

async function until(stream: { on(event: "data", take: (chunk: Buffer) => void): unknown }, end: string) {
  let text = "";
  await new Promise<void>((resolve) => {
    stream.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.endsWith(end)) resolve();
    });
  });
  return text;
}

test("who looks at a line sees what it printed before anybody did, then what it prints, and so does the next one", async (t) => {
  const { line: shared, guest } = await line(t, "booting\nlogin: ");
  const first = await shared.view();
  const read = until(first, "root\n");
  guest.write("root\n");
  assert.equal(await read, "booting\nlogin: root\n");
  assert.equal(await until(await shared.view(), "root\n"), "booting\nlogin: root\n");
});

test("of a long history only the end is shown, from the beginning of a line", async (t) => {
  const { line: shared } = await line(t, `${"x".repeat(99)}\n`.repeat(2_000));
  const shown = await until(await shared.view(), "x\n");
  assert.ok(shown.length <= 64 * 1024 && shown.length > 60 * 1024, `${shown.length}`);
  assert.ok(
    shown
      .split("\n")
      .slice(0, -1)
      .every((each) => each.length === 99),
  );
});

test("a viewer that does not read loses bytes and is told, while the guest and others go on", async (t) => {
  const { line: shared, guest } = await line(t);
  const [slow, quick] = [await shared.view(), await shared.view()];
  const mebibyte = 1024 * 1024;
  const all = until(quick, "end");
  const isTaken = new Promise((resolve) => guest.end(`${"z".repeat(8 * mebibyte)}end`, () => resolve(undefined)));
  await isTaken;
  assert.equal((await all).length, 8 * mebibyte + 3);
  let seen = "";
  for await (const chunk of slow) seen += String(chunk);
  assert.ok(seen.length < mebibyte, `${seen.length} bytes were kept for it`);
  assert.match(seen, /\[\d+ bytes were left out\]/);
});

test("all viewers may type; the line ends with its last viewer, and its viewers end with the line", async (t) => {
  const { line: shared, guest } = await line(t);
  const [one, two] = [await shared.view(), await shared.view()];
  for (const each of [one, two]) each.resume();
  one.write("a");
  assert.equal(await until(guest, "a"), "a");
  one.destroy();
  two.write("b");
  await until(guest, "b");
  assert.equal(shared.isOver, false);
  guest.destroy();
  await once(two, "close");
  assert.equal(shared.isOver, true);
  const other = await line(t);
  const only = await other.line.view();
  only.destroy();
  await once(other.guest.resume(), "close");
});
