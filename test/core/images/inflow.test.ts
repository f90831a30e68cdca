import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Inflow } from "../../../core/images/inflow.ts";

const kibibyte = 1024;

test("a sender that is faster than the disk is held up, and all that it sends is given in its order", async () => {
  let sent = 0;
  const endless = new Readable({
    highWaterMark: kibibyte,
    read() {
      this.push(sent === 100 ? null : Buffer.alloc(kibibyte, sent++));
    },
  });
  const inflow = new Inflow(endless, { leastBytes: 4 * kibibyte, mostBytes: 8 * kibibyte, slowMs: 60_000 });
  const came: number[] = [];
  for (;;) {
    // However long nobody takes anything.
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    assert.ok(sent - came.length <= 12, `${sent} came, and ${came.length} were taken`);
    const chunks = await inflow.next();
    if (chunks.length === 0) break;
    came.push(...chunks.map(([first]) => first ?? -1));
  }
  assert.deepEqual(
    came,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("what came before a connection broke is given first, and then why it broke", async () => {
  const stream = new Readable({ read: () => undefined });
  const inflow = new Inflow(stream, { leastBytes: 4 * kibibyte, mostBytes: 8 * kibibyte, slowMs: 60_000 });
  stream.push(Buffer.from("all"));
  await setImmediate();
  stream.destroy();
  assert.equal(Buffer.concat(await inflow.next()).toString(), "all");
  await assert.rejects(inflow.next(), { code: "STORAGE.1072" });
});
