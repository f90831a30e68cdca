import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Output } from "../../../tui/terminal/output.ts";

type Callback = (error: NodeJS.ErrnoException | null, written: number) => void;

/** A line whose every write is answered by hand. */
function line(baud?: number) {
  const writes: { bytes: Uint8Array; answer: Callback }[] = [];
  const events: string[] = [];
  let now = 0;
  const output = new Output({
    fd: 1,
    baud,
    onIdle: () => events.push("idle"),
    onGone: (error) => events.push(`gone ${error.code}`),
    writeTo: (_, bytes, answer) => writes.push({ bytes, answer }),
    now: () => now,
  });
  return {
    output,
    writes,
    events,
    text: () => writes.map(({ bytes }) => Buffer.from(bytes).toString()),
    last: () => {
      const write = writes.at(-1);
      if (write === undefined) throw new Error("Nothing was written.");
      return write;
    },
    pass(ms: number) {
      now += ms;
      mock.timers.tick(ms);
    },
  };
}

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

test("one write is under way at a time; idle comes when all has been taken", () => {
  const { output, writes, events, text } = line();
  output.write("one");
  output.write("two");
  assert.equal(output.busy, true);
  assert.deepEqual(text(), ["one"]);
  writes[0]?.answer(null, 3);
  assert.deepEqual(events, []);
  writes[1]?.answer(null, 3);
  assert.deepEqual(text(), ["one", "two"]);
  assert.deepEqual(events, ["idle"]);
  assert.equal(output.busy, false);
});

test("what a partial write left is written next", () => {
  const { output, last, text, events } = line();
  output.write("abcdef");
  last().answer(null, 2);
  last().answer(null, 1);
  last().answer(null, 3);
  assert.deepEqual(text(), ["abcdef", "cdef", "def"]);
  assert.deepEqual(events, ["idle"]);
});

test("a line that takes nothing at the moment is tried again", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    for (const code of ["EAGAIN", "EINTR"]) {
      const { output, last, text, pass, events } = line();
      output.write("abc");
      last().answer(failure(code), 0);
      assert.equal(output.busy, true);
      assert.deepEqual(text(), ["abc"]);
      pass(15);
      assert.deepEqual(text(), ["abc", "abc"]);
      last().answer(null, 3);
      assert.deepEqual(events, ["idle"]);
    }
  } finally {
    mock.timers.reset();
  }
});

test("a dead line is told once and written to no more", () => {
  for (const code of ["EIO", "EPIPE", "EBADF"]) {
    const { output, last, events, text } = line();
    output.write("abc");
    output.write("def");
    last().answer(failure(code), 0);
    output.write("ghi");
    assert.deepEqual(events, [`gone ${code}`]);
    assert.deepEqual(text(), ["abc"]);
    assert.equal(output.busy, false);
  }
});

test("a slow line is given 0.3 s of output ahead and the rest as it drains", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { output, writes, last, events, pass } = line(9600);
    output.write("x".repeat(1900));
    assert.equal(last().bytes.length, 288);
    let elapsed = 0;
    let written = 0;
    for (let answered = 0; events.length === 0 && elapsed < 5000; ) {
      const write = writes[answered];
      if (write === undefined) {
        pass(10);
        elapsed += 10;
        continue;
      }
      answered++;
      written += write.bytes.length;
      assert.ok(written <= ((elapsed + 310) * 960) / 1000, `${written} bytes after ${elapsed} ms`);
      write.answer(null, write.bytes.length);
    }
    assert.deepEqual(events, ["idle"]);
    assert.equal(written, 1900);
    // 1900 bytes take 1979 ms; the last 300 ms of it may lie in the kernel.
    assert.ok(elapsed >= 1600 && elapsed <= 1979, String(elapsed));
  } finally {
    mock.timers.reset();
  }
});

test("after stop nothing comes back", () => {
  const { output, last, events, text } = line();
  output.write("abc");
  output.write("def");
  output.stop();
  last().answer(null, 3);
  assert.deepEqual(events, []);
  assert.deepEqual(text(), ["abc"]);
  assert.equal(output.busy, false);
});
