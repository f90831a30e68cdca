import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { VirshShells } from "../../../../core/hypervisor/libvirt/virsh-shells.ts";
import { talkTo } from "../../../../core/node/command.ts";
import { type Machine, realMachine } from "../../../../core/node/machine.ts";

/** Speaks as virsh does at a pipe: it repeats what it is told behind its prompt, and complains in the same pipe. */
const speaker = `
lost=$1
printf 'virsh # '
while IFS= read -r line; do
  printf '%s\\n' "$line"
  case $line in
    echo\\ *) printf '%s' "\${line#echo }" ;;
    list*) printf 'one\\ntwo\\n' ;;
    start*) echo "error: Failed to start domain '\${line#start }'" >&2; echo 'error: no such disk' >&2 ;;
    end*) exit 1 ;;
    domstats*) [ ! -e "$lost" ] || { echo 'error: Disconnected from qemu:///system due to end of file' >&2; rm "$lost"; }
      echo stats ;;
    hang*) exec sleep 60 ;;
  esac
  printf 'virsh # '
done`;

const timeoutMs = 60_000;

function shells(lost = "/nonexistent") {
  let begun = 0;
  const machine: Machine = {
    ...realMachine(),
    talk: (_command, _args, listener) => {
      begun += 1;
      return talkTo("sh", ["-c", speaker, "virsh", lost], listener);
    },
  };
  return { shells: new VirshShells(machine, []), begun: () => begun };
}

test("one that stays answers one command after the other, and says by its words whether each was carried out", async () => {
  const { shells: all, begun } = shells();
  const say = (...words: string[]) => all.run(words, { timeoutMs }, false);
  assert.deepEqual(await say("list"), { code: 0, stdout: "one\ntwo\n", stderr: "" });
  const failed = await say("start", "x");
  assert.deepEqual([failed?.code, failed?.stdout], [1, ""]);
  assert.match(failed?.stderr ?? "", /^error: Failed to start domain 'x'\nerror: no such disk\n$/);
  assert.equal((await say("list"))?.stdout, "one\ntwo\n");
  assert.equal(begun(), 1);
});

test("commands at the same time have one each, and the next ones take those", async () => {
  const { shells: all, begun } = shells();
  const both = () => Promise.all([1, 2].map(() => all.run(["list"], { timeoutMs }, true)));
  assert.deepEqual(
    (await both()).map((one) => one?.stdout),
    ["one\ntwo\n", "one\ntwo\n"],
  );
  await both();
  assert.equal(begun(), 2);
});

test("one that ends under way has no answer: a look is said once more, a change is not", async () => {
  const look = shells();
  assert.equal(await look.shells.run(["end"], { timeoutMs }, true), undefined);
  assert.equal(look.begun(), 2);
  const change = shells();
  assert.equal(await change.shells.run(["end"], { timeoutMs }, false), undefined);
  assert.equal(change.begun(), 1);
});

test("one that has lost its daemon is given up", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "binnacle-shells-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const lost = join(folder, "lost");
  writeFileSync(lost, "");
  const { shells: all, begun } = shells(lost);
  assert.deepEqual(await all.run(["domstats"], { timeoutMs }, true), { code: 0, stdout: "stats\n", stderr: "" });
  assert.equal(begun(), 2);
});

test("one that does not answer is ended with whoever waits for it", async () => {
  const { shells: all } = shells();
  const calling = new AbortController();
  const asked = all.run(["hang"], { timeoutMs, signal: calling.signal }, false);
  calling.abort();
  assert.equal(await asked, undefined);
  assert.equal(await all.run(["hang"], { timeoutMs: 10 }, false), undefined);
  assert.equal((await all.run(["list"], { timeoutMs }, false))?.code, 0);
});

test("words that virsh would read in a way of its own are not said to one", () => {
  assert.ok(VirshShells.takes(["define", "/tmp/binnacle-domain-x1/domain.xml"]));
  for (const word of ["a b", "a;b", "a'b", 'a"b', "a\\b", "a\nb", "a#b", "", "a\tb"])
    assert.equal(VirshShells.takes(["start", word]), false, JSON.stringify(word));
});
