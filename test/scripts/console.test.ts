import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type ConsoleBed, openConsole } from "../support/console.ts";

const launcher = path.join(import.meta.dirname, "../../scripts/console");

/** A program for the launcher: a shell script that finds a folder of its own in $1, and counts its starts there. */
const counted = 'starts=$(($(cat "$1/starts" 2>/dev/null || echo 0) + 1)); echo $starts >"$1/starts"\n';

describe("the console's launcher", () => {
  let folder: string;
  let bed: ConsoleBed | undefined;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-launcher-"));
  });
  afterEach(async () => {
    await bed?.close();
    bed = undefined;
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const start = async (program: string, menu?: string): Promise<ConsoleBed> => {
    const script = (text: string) => ["/bin/sh", "-c", counted + text, "sh", folder];
    bed = await openConsole({
      socketPath: "unused",
      command: ["/bin/sh", launcher, ...script(program), ...(menu === undefined ? [] : ["--", ...script(menu)])],
      env: { TMPDIR: folder },
    });
    return bed;
  };
  const read = (name: string) => fs.readFileSync(path.join(folder, name), "utf8").trim();

  it("leaves with the program when it ends in order", async () => {
    const console = await start("echo bye");
    assert.equal((await console.exited).exitCode, 0);
    await console.until(/bye/);
    assert.equal(read("starts"), "1");
  });

  it("leaves when the terminal is gone, and does not start the program again", async () => {
    const console = await start("exit 129");
    assert.equal((await console.exited).exitCode, 129);
    assert.equal(read("starts"), "1");
  });

  it("puts the terminal back after a kill -9 and starts the program again, with its last error", async () => {
    const console = await start(`
      if [ $starts = 1 ]; then
        stty -g >"$1/before"
        stty raw -echo
        printf '\\033[?1049h\\033[?25l\\033[?2004h\\033[1;31mhalf a screen'
        printf 'TypeError: x is not a function\\n    at f (tui.js:1:2)\\n\\nNode.js v24.0.0\\n' >&2
        kill -9 $$
      fi
      stty -g >"$1/after"
      echo "second start after: $BINNACLE_LAST_ERROR"`);
    assert.equal((await console.exited).exitCode, 0);
    assert.equal(read("after"), read("before"));
    await console.until(/second start after: TypeError: x is not a function/);
    assert.doesNotMatch(console.text(), /half a screen/);
    assert.equal(console.cursor().hidden, false);
    assert.ok(console.raw().lastIndexOf("\x1b[?2004l") > console.raw().lastIndexOf("\x1b[?2004h"));
  });

  it("goes on with the menu after the fifth crash", async () => {
    const console = await start("exit 7", 'echo "the menu after: $BINNACLE_LAST_ERROR"; read line; echo "chose $line"');
    await console.until("the menu after: ended with status 7", 30_000);
    assert.equal(read("starts"), "6");
    console.type("reboot\r");
    assert.equal((await console.exited).exitCode, 0);
    await console.until(/chose reboot/);
  });

  it("starts the program again when the menu asks for it, with all its chances", async () => {
    const console = await start("[ $starts -le 6 ] && exit 7; [ $starts = 7 ] || exit 0; exit 8", "exit 75");
    assert.equal((await console.exited).exitCode, 0);
    assert.equal(read("starts"), "8");
  });

  it("ends with status 1 when the menu can't run either", async () => {
    const console = await start("exit 7", "exit 127");
    assert.equal((await console.exited).exitCode, 1);
    await console.until(/The menu stopped, too: status 127/);
  });

  for (const [signal, status] of [
    ["TERM", 143],
    ["HUP", 129],
  ] as const) {
    it(`passes SIG${signal} on, waits for the program to put its things in order, and leaves`, async () => {
      const console = await start(`
        trap 'echo in order >"$1/ended"; exit 0' ${signal}
        echo ready
        while :; do sleep 1 & wait $!; done`);
      await console.until("ready");
      console.kill(`SIG${signal}`);
      assert.equal((await console.exited).exitCode, status);
      assert.equal(read("ended"), "in order");
    });
  }

  it("lets no control character of an error through, not even one of two bytes", async () => {
    // CSI as one character of UTF-8; and one that would only come together when what is between were taken out.
    const console = await start(String.raw`
      if [ $starts = 1 ]; then
        printf 'Error: a\302\2332Jb\302\302\233\233c\302\001\233d\302\251e\n' >&2
        exit 1
      fi
      printf %s "$BINNACLE_LAST_ERROR" >"$1/said"`);
    assert.equal((await console.exited).exitCode, 0);
    const said = read("said");
    assert.doesNotMatch(said, /[\u0080-\u009f]/);
    assert.match(said, /^Error: a.*2Jb.*c.*d©e$/);
  });

  it("leaves no file behind", async () => {
    const console = await start("echo bye");
    await console.exited;
    assert.deepEqual(fs.readdirSync(folder), ["starts"]);
  });

  it("refuses to run without a terminal", () => {
    const answer = spawnSync("/bin/sh", [launcher, "true"], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /must be a terminal/);
  });
});
