import assert from "node:assert/strict";
import { test } from "node:test";
import { Decoder } from "../../../tui/terminal/decoder.ts";
import type { Key, NamedKey } from "../../../tui/terminal/key.ts";
import { Random } from "../../support/random.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

/** All keys of some reads at the same instant, with what the time-outs at the end make of the rest. */
function decode(...reads: (Uint8Array | string)[]): Key[] {
  const decoder = new Decoder();
  const keys = reads.flatMap((read) => decoder.push(typeof read === "string" ? bytes(read) : read));
  while (decoder.pendingMs() !== null) keys.push(...decoder.timeout());
  return keys;
}

const named = (...names: NamedKey[]): Key[] => names.map((name) => ({ name }));
const chars = (text: string): Key[] => [...text].map((char) => ({ name: "char", text: char }));

/** Every sequence that a keyboard is known to send for a key; \e stands for ESC. */
const keyboard: Readonly<Partial<Record<NamedKey, string>>> = {
  up: "\\e[A \\eOA \\e[1;2A \\e[1;5A \\e[1;3A \\eOa \\e[a \\eO5A",
  down: "\\e[B \\eOB \\e[1;2B \\e[1;6B \\eOb \\e[b",
  right: "\\e[C \\eOC \\e[1;5C \\eOc \\e[c",
  left: "\\e[D \\eOD \\e[1;5D \\eOd \\e[d",
  home: "\\e[H \\eOH \\e[1~ \\e[7~ \\e[1;5H \\e[1;2~ \\e[7$ \\e[7^",
  end: "\\e[F \\eOF \\e[4~ \\e[8~ \\e[1;2F \\e[8@",
  insert: "\\e[2~ \\e[2;5~ \\e[L",
  delete: "\\e[3~ \\e[3;2~ \\e[3$ \\e[3^ \\e[3@",
  pageup: "\\e[5~ \\e[5;5~ \\e[5^",
  pagedown: "\\e[6~ \\e[6;2~",
  backtab: "\\e[Z \\e[1;2Z \\e\\t",
  tab: "\\t \\eOI",
  enter: "\\r \\n \\r\\n \\eOM",
  backspace: "\\x7f \\b",
  f1: "\\eOP \\e[[A \\e[11~ \\e[1;2P \\eO2P \\e1 \\e[11;2~",
  f2: "\\eOQ \\e[[B \\e[12~ \\e[1;5Q \\e2 \\e[N",
  f3: "\\eOR \\e[[C \\e[13~ \\e3",
  f4: "\\eOS \\e[[D \\e[14~ \\e[1;2S \\e4",
  f5: "\\e[15~ \\e[[E \\e[15;2~ \\eOT \\e5",
  f6: "\\e[17~ \\e[17;5~ \\eOU \\e6",
  f7: "\\e[18~ \\eOV \\e7",
  f8: "\\e[19~ \\eOW \\e8 \\e[T",
  f9: "\\e[20~ \\eOX \\e9 \\e[U",
  f10: "\\e[21~ \\eOY \\e0 \\e[V",
  f11: "\\e[23~ \\e[23;2~ \\eOZ \\e- \\e[23$ \\e[W",
  f12: "\\e[24~ \\e[24;5~ \\eO[ \\e= \\e[X",
};

const escapes: Readonly<Record<string, string>> = { e: "\x1b", t: "\t", r: "\r", n: "\n", b: "\b", x7f: "\x7f" };
const unescape = (text: string) => text.replace(/\\(x7f|.)/g, (_, name: string) => escapes[name] ?? name);

const known: { name: NamedKey; sequence: string }[] = Object.entries(keyboard).flatMap(([name, list]) =>
  list.split(" ").map((sequence) => ({ name: name as NamedKey, sequence: unescape(sequence) })),
);

/** Sequences that are no key: replies, reports, strings, keys that mean nothing here. */
const silent = [
  "\x1b[?62;1;2;4c",
  "\x1b[?1;2c",
  "\x1b[>0;276;0c",
  "\x1b[24;80R",
  "\x1b[1;2R",
  "\x1b[0n",
  "\x1b[?2026;2$y",
  "\x1b[4;1$y",
  "\x1b[8;24;80t",
  "\x1b[I",
  "\x1b[O",
  "\x1b[<0;10;20M",
  "\x1b[<35;10;20m",
  "\x1b[M #!",
  "\x1b[M`zz",
  "\x1b[32;10;20M",
  "\x1b]0;a title\x07",
  "\x1b]11;rgb:0000/0000/0000\x1b\\",
  "\x1b]52;c;Zm9v\x1b\\",
  "\x1bP1$r0m\x1b\\",
  "\x1bP>|XTerm(380)\x1b\\",
  "\x1b_Gi=1;OK\x1b\\",
  "\x1b^private\x1b\\",
  "\x1bXstring\x1b\\",
  "\x1b[25~",
  "\x1b[34~",
  "\x1b[201~",
  "\x1b[27;5;13~",
  "\x1b[97;5u",
  "\x1b[G",
  "\x1b[P",
  "\x1b[1;5R",
  "\x1bx",
  "\x1bé",
  "\x1b\r",
  "\x1b\x7f",
  "\x1bOE",
  "\x1b[E",
  "\x1b[99999999999999999999~",
  "\x1b[[Z",
  `\x1b[${"1;".repeat(200)}A`,
  "\0",
  "\x1c",
  "\x1f",
];

test("every known key sequence is that key, in one read and split at every byte", () => {
  for (const { name, sequence } of known) {
    const whole = bytes(sequence);
    assert.deepEqual(decode(whole), named(name), JSON.stringify(sequence));
    for (let at = 1; at < whole.length; at++)
      assert.deepEqual(
        decode(whole.slice(0, at), whole.slice(at)),
        named(name),
        `${JSON.stringify(sequence)} at ${at}`,
      );
    assert.deepEqual(decode(...[...whole].map((byte) => Uint8Array.of(byte))), named(name));
  }
});

test("the 8-bit forms of a VT220 are understood", () => {
  assert.deepEqual(decode(Uint8Array.of(0x9b, 0x41)), named("up"));
  assert.deepEqual(decode(Uint8Array.of(0x8f, 0x50)), named("f1"));
});

test("the keypad in application mode types its characters", () => {
  assert.deepEqual(decode("\x1bOp\x1bOy\x1bOn\x1bOj\x1bOk\x1bOl\x1bOm\x1bOo"), chars("09.*+,-/"));
});

test("sequences that are no key are swallowed whole, split at every byte, and what follows is read", () => {
  for (const sequence of silent) {
    const whole = bytes(sequence);
    for (let at = 0; at <= whole.length; at++)
      assert.deepEqual(
        decode("a", whole.slice(0, at), whole.slice(at), "z"),
        chars("az"),
        `${JSON.stringify(sequence)} at ${at}`,
      );
  }
});

test("characters come one by one, UTF-8 split at every byte", () => {
  const text = "aé密码🔑ÿ \u{10ffff}~";
  const whole = bytes(text);
  assert.deepEqual(decode(whole), chars(text));
  for (let at = 1; at < whole.length; at++) assert.deepEqual(decode(whole.slice(0, at), whole.slice(at)), chars(text));
});

test("invalid UTF-8 is ignored and never typed as anything", () => {
  const cases: [number[], string][] = [
    [[0xff, 0xfe, 0x61], "a"],
    [[0xc3, 0x28], "("],
    [[0xe5, 0xaf, 0x61], "a"],
    [[0xe5, 0xaf, 0xc3, 0xa9], "é"],
    [[0xc0, 0xaf, 0x61], "a"], // overlong
    [[0xe0, 0x80, 0xaf, 0x61], "a"],
    [[0xed, 0xa0, 0x80, 0x61], "a"], // surrogate
    [[0xf4, 0x90, 0x80, 0x80, 0x61], "a"], // beyond Unicode
    [[0x80, 0xbf, 0x61], "a"],
    [[0xc2, 0x85, 0x61], "a"], // a control character
  ];
  for (const [input, text] of cases) assert.deepEqual(decode(Uint8Array.from(input)), chars(text));
});

test("half a character is dropped after a pause", () => {
  assert.deepEqual(decode(Uint8Array.of(0xe5, 0xaf)), []);
});

test("Ctrl with a letter keeps its letter, the ones with names of their own have those", () => {
  assert.deepEqual(decode("\x01\x0c\x1a"), [
    { name: "ctrl", letter: "a" },
    { name: "ctrl", letter: "l" },
    { name: "ctrl", letter: "z" },
  ]);
  assert.deepEqual(decode("\x08\x09\x0d"), named("backspace", "tab", "enter"));
});

test("a lone ESC is Esc after 50 ms, two are two", () => {
  const decoder = new Decoder();
  assert.deepEqual(decoder.push(bytes("\x1b"), 0), []);
  assert.equal(decoder.pendingMs(), 50);
  assert.deepEqual(decoder.timeout(50), named("esc"));
  assert.equal(decoder.pendingMs(), null);
  assert.deepEqual(decode("\x1b\x1b"), named("esc", "esc"));
  assert.deepEqual(decode("\x1b\x1b[A"), named("esc", "up"));
});

test("ESC and a digit in two reads within the wait are the function key", () => {
  const decoder = new Decoder();
  decoder.push(bytes("\x1b"), 0);
  assert.deepEqual(decoder.push(bytes("2"), 40), named("f2"));
});

test("a sequence that stops is waited for longer and then dropped whole", () => {
  for (const start of ["\x1b[", "\x1bO", "\x1b[1;", "\x1b[[", "\x1b]0;title", "\x1bPdata", "\x1b[M!"]) {
    const decoder = new Decoder();
    assert.deepEqual(decoder.push(bytes(start), 0), []);
    assert.equal(decoder.pendingMs(), 500, JSON.stringify(start));
    assert.deepEqual(decoder.timeout(500), []);
    assert.equal(decoder.pendingMs(), null);
    assert.deepEqual(decoder.push(bytes("a"), 501), chars("a"));
  }
});

test("the rest of a sequence whose ESC already counted as Esc types nothing", () => {
  for (const rest of ["[A", "[15~", "OP", "OA", "[[A", "[<0;1;2M", "[1;5C"]) {
    const decoder = new Decoder();
    decoder.push(bytes("\x1b"), 0);
    assert.deepEqual(decoder.timeout(50), named("esc"));
    assert.deepEqual(decoder.push(bytes(rest), 200), [], rest);
    assert.equal(decoder.pendingMs(), null);
    assert.deepEqual(decoder.push(bytes("a"), 210), chars("a"));
  }
});

test("a bracket typed by hand some time after Esc is typed, and a word with O at once", () => {
  const decoder = new Decoder();
  decoder.push(bytes("\x1b"), 0);
  decoder.timeout(50);
  assert.deepEqual(decoder.push(bytes("[A"), 351), chars("[A"));
  decoder.push(bytes("\x1b"), 1000);
  decoder.timeout(1050);
  assert.deepEqual([...decoder.push(bytes("O"), 1100), ...decoder.push(bytes("k"), 1120)], chars("Ok"));
  decoder.push(bytes("\x1b"), 2000);
  decoder.timeout(2050);
  decoder.push(bytes("O"), 2100);
  assert.deepEqual(decoder.timeout(2150), chars("O"));
});

test("a sequence that is cut by another or by garbage doesn't spoil the next", () => {
  assert.deepEqual(decode("\x1b[1;\x1b[B"), named("down"));
  assert.deepEqual(decode("\x1b]0;title\x1b[B"), named("down"));
  assert.deepEqual(decode("\x1b[M\x1b[B"), named("down"));
  assert.deepEqual(decode("\x1b[1\r"), named("enter"));
  assert.deepEqual(decode(Uint8Array.of(0x1b, 0x5b, 0x31, 0xc3, 0xa9)), chars("é"));
});

test("CR LF is one Enter, CR and a later LF are two", () => {
  assert.deepEqual(decode("\r\n"), named("enter"));
  const decoder = new Decoder();
  assert.deepEqual(decoder.push(bytes("\r"), 0), named("enter"));
  assert.deepEqual(decoder.push(bytes("\n"), 60), named("enter"));
});

test("a bracketed paste is one key, its end marker split at every byte", () => {
  const whole = bytes("\x1b[200~one\r\ntwo\rthree\n\tfour\x1b[31mred\x07\x00\x1b[0m é\x1b[201~q");
  const expected: Key[] = [{ name: "paste", text: "one\ntwo\nthree\n\tfourred é" }, ...chars("q")];
  for (let at = 0; at <= whole.length; at++) assert.deepEqual(decode(whole.slice(0, at), whole.slice(at)), expected);
});

test("what looks like the start of the end marker stays in the paste", () => {
  assert.deepEqual(decode("\x1b[200~a\x1b\x1b[20\x1b[201~"), [{ name: "paste", text: "a[20" }]);
});

test("100 kB pasted in small reads are one key; an empty paste is none", () => {
  const decoder = new Decoder();
  const text = "0123456789".repeat(10_240);
  const whole = bytes(`\x1b[200~${text}\x1b[201~`);
  const keys: Key[] = [];
  for (let at = 0; at < whole.length; at += 61) keys.push(...decoder.push(whole.subarray(at, at + 61)));
  assert.deepEqual(keys, [{ name: "paste", text }]);
  assert.deepEqual(decode("\x1b[200~\x1b[201~"), []);
});

test("a paste whose end never comes is given after two seconds of silence", () => {
  const decoder = new Decoder();
  assert.deepEqual(decoder.push(bytes("\x1b[200~text"), 0), []);
  assert.equal(decoder.pendingMs(), 2000);
  assert.deepEqual(decoder.timeout(2000), [{ name: "paste", text: "text" }]);
});

test("an unbracketed paste of several lines never confirms anything", () => {
  assert.deepEqual(decode("first line\rsecond line\rthird\r"), [
    ...chars("first line"),
    { name: "paste", text: "\nsecond line\nthird\n" },
  ]);
  assert.deepEqual(decode("first line\r\n\r\n\tsecond"), [
    ...chars("first line"),
    { name: "paste", text: "\n\n\tsecond" },
  ]);
});

test("an unbracketed paste is told by its speed, also when each byte is a read of its own", () => {
  const decoder = new Decoder();
  const keys: Key[] = [];
  let now = 0;
  for (const byte of bytes("reset zstack\ry\r")) keys.push(...decoder.push(Uint8Array.of(byte), now++));
  assert.equal(decoder.pendingMs(), 50);
  keys.push(...decoder.timeout(now + 50));
  assert.deepEqual(keys, [...chars("reset zstack"), { name: "paste", text: "\ny\n" }]);
});

test("one pasted line, or one that a script sends, ends in Enter after 50 ms", () => {
  const decoder = new Decoder();
  assert.deepEqual(decoder.push(bytes("correct horse\r"), 0), chars("correct horse"));
  assert.equal(decoder.pendingMs(), 50);
  assert.deepEqual(decoder.timeout(50), named("enter"));
  assert.deepEqual(decode("correct horse\r\x1b[A"), [...chars("correct horse"), ...named("enter", "up")]);
});

test("an Enter that is held comes before what is typed later, also when no time-out was called between", () => {
  const decoder = new Decoder();
  decoder.push(bytes("correct horse\r"), 0);
  assert.deepEqual(decoder.push(bytes("y"), 51), [...named("enter"), ...chars("y")]);
});

test("what a hand types keeps its Enter, at once", () => {
  const decoder = new Decoder();
  const keys: Key[] = [];
  let now = 0;
  for (const char of "secret password\rnext") {
    now += 60;
    keys.push(...decoder.push(bytes(char), now));
  }
  assert.deepEqual(keys, [...chars("secret password"), ...named("enter"), ...chars("next")]);
});

test("an endless string, sequence or paste takes no endless memory", () => {
  for (const start of ["\x1b]0;", "\x1b[", "\x1bP", "\x1b[200~", "long text\rx"]) {
    const decoder = new Decoder();
    const before = process.memoryUsage().heapUsed;
    decoder.push(bytes(start));
    const chunk = bytes("1".repeat(1 << 16));
    for (let count = 0; count < 64; count++) decoder.push(chunk);
    const rest = decoder.timeout();
    // Nothing is kept of a sequence's parameters but the first few: no garbage, no heap.
    if (start === "\x1b[") assert.ok(process.memoryUsage().heapUsed - before < 16e6);
    const size = rest.reduce((sum, key) => sum + ("text" in key ? key.text.length : 0), 0);
    assert.ok(size <= 2 << 20, `${JSON.stringify(start)} kept ${size}`);
  }
});

const seeds = process.env["SEED"] === undefined ? [...Array(1000).keys()] : [Number(process.env["SEED"])];

test(`what comes out doesn't depend on how reads split the bytes (${seeds.length} seeded runs)`, () => {
  for (const seed of seeds) {
    const random = new Random(seed);
    const input = randomInput(random);
    const expected = decode(input);
    const reads: Uint8Array[] = [];
    for (let at = 0; at < input.length; ) {
      const length = random.chance(40) ? 1 : 1 + random.below(12);
      reads.push(input.slice(at, at + length));
      at += length;
    }
    assert.deepEqual(decode(...reads), expected, `SEED=${seed}`);
  }
});

test(`no key is made of the inside of a sequence (${seeds.length} seeded runs)`, () => {
  for (const seed of seeds) {
    const random = new Random(seed);
    // Capital letters are only used inside sequences, small ones only typed.
    let input = "";
    let typed = "";
    for (let count = random.below(30); count > 0; count--) {
      if (random.chance(50)) {
        const char = String.fromCharCode(0x61 + random.below(26));
        typed += char;
        input += char;
      } else input += randomSequence(random);
    }
    const text = decode(input)
      .map((key) => (key.name === "char" ? key.text : ""))
      .join("");
    assert.equal(text, typed, `SEED=${seed} ${JSON.stringify(input)}`);
  }
});

function randomSequence(random: Random): string {
  const inside = (alphabet: string) =>
    Array.from({ length: random.below(20) }, () => alphabet[random.below(alphabet.length)]).join("");
  switch (random.below(5)) {
    case 0:
      return `\x1b]${inside("0123456789;ABC:/ ")}${random.pick(["\x07", "\x1b\\"])}`;
    case 1:
      return `\x1b${random.pick(["P", "_", "^", "X"])}${inside("ABC$+=123")}\x1b\\`;
    case 2:
      // Finals that aren't a start of something longer: no M (mouse), no [ (Linux), no ~ (paste).
      return `\x1b[${random.pick(["", "?", ">", "<"])}${inside("0123456789;")}${random.pick([..."ABCDHRXYZ"])}`;
    case 3:
      return `\x1b[M${inside("ABC").padEnd(3, "Z").slice(0, 3)}`;
    default:
      return random.pick(known.filter(({ sequence }) => sequence.startsWith("\x1b"))).sequence;
  }
}

function randomInput(random: Random): Uint8Array {
  const parts: number[] = [];
  for (let count = random.below(40); count > 0; count--) {
    const kind = random.below(6);
    if (kind === 0) parts.push(...bytes(random.pick(known).sequence));
    else if (kind === 1) parts.push(...bytes(random.pick(silent)));
    else if (kind === 2)
      parts.push(...bytes(random.pick(["é", "密", "🔑", "word", "a long line of text", "\r", "\n"])));
    else if (kind === 3) parts.push(...bytes(`\x1b[200~${random.pick(["", "x\ry", "\x1b[20", "é"])}\x1b[201~`));
    else for (let length = random.below(6); length > 0; length--) parts.push(random.below(256));
  }
  return Uint8Array.from(parts);
}
