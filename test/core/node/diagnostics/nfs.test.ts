import assert from "node:assert/strict";
import { test } from "node:test";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { nfsCheck, parseFstab, parseMountinfo } from "../../../../core/node/diagnostics/nfs.ts";
import { machineIn, type Situation, timeout } from "./machine.ts";

const mountLine = (mount: string, device = "0:52", options = "rw,relatime", wholeOptions = "rw,vers=4.2") =>
  `61 21 ${device} / ${mount} ${options} shared:30 - nfs4 10.0.0.9:/export ${wholeOptions}\n`;

test("mountinfo: fields that may be absent or many, and names with blanks", () => {
  const text = `${mountLine("/a\\040b\\011c")}22 1 8:2 / / ro - ext4 /dev/sda2 rw\n23 1 0:5 / /x rw a:1 b:2 - nfs h:/x ro\nnonsense\n`;
  assert.deepEqual(
    parseMountinfo(text).map(({ mount, type, writable, wholeWritable }) => [mount, type, writable, wholeWritable]),
    [
      ["/a b\tc", "nfs4", true, true],
      ["/", "ext4", false, true],
      ["/x", "nfs", true, false],
    ],
  );
});

test("fstab: only NFS that is mounted at each start", () => {
  const text = `# h:/no /no nfs defaults 0 0
h:/a /a nfs defaults 0 0
h:/b\t/b/\tnfs4\trw,_netdev\t0 0
h:/c /c nfs rw,noauto 0 0
h:/d /d nfs x-systemd.automount 0 0
/dev/sda1 /e ext4 defaults 0 1

h:/f /f nfs
`;
  assert.deepEqual(
    parseFstab(text).map(({ mount }) => mount),
    ["/a", "/b", "/f"],
  );
});

test("a machine without NFS has no such check", async () => {
  assert.deepEqual(await find({}), []);
});

test("one file system at two places is asked once", async () => {
  const { situation, ran } = watched(mountLine("/a") + mountLine("/b") + mountLine("/c", "0:60"));
  assert.deepEqual(await find(situation), ["nfs passed"]);
  assert.deepEqual(ran(), ["stat /a", "test /a", "stat /c", "test /c"]);
});

test("what is mounted to be read is not asked whether it can be written", async () => {
  const { situation, ran } = watched(mountLine("/iso", "0:52", "ro,relatime", "ro"));
  assert.deepEqual(await find(situation), ["nfs passed"]);
  assert.deepEqual(ran(), ["stat /iso"]);
});

test("each server is judged by itself", async () => {
  const files = { "/proc/self/mountinfo": mountLine("/a") + mountLine("/b", "0:60") };
  const commands: Situation["commands"] = [
    [/^stat .* \/a$/, timeout],
    [/^stat/, "nfs\n"],
    [/^test -w \/b$/, timeout],
  ];
  assert.deepEqual(await find({ files, commands }), ["nfs:/a failed", "nfs:/b failed"]);
});

test("what stat complains of otherwise makes the check unable, never passed", async () => {
  const files = { "/proc/self/mountinfo": mountLine("/a") };
  const commands: Situation["commands"] = [[/^stat/, { code: 1, stderr: "stat: '/a': Permission denied\n" }]];
  assert.deepEqual(await find({ files, commands }), ["nfs:/a unable"]);
});

test("while one question waits for a dead server no second one is started", async () => {
  const situated = machineIn({ files: { "/proc/self/mountinfo": mountLine("/a") } });
  let started = 0;
  let giveUp: (error: Error) => void = () => {};
  const machine: typeof situated.machine = {
    ...situated.machine,
    run: () => {
      started += 1;
      return new Promise((_, reject) => {
        giveUp = reject;
      });
    },
  };
  const diagnose = () => runDiagnostics({ ...situated, machine, checks: [nfsCheck] });
  const both = [diagnose(), diagnose()];
  while (started === 0) await new Promise(setImmediate);
  await new Promise(setImmediate);
  giveUp(timeout);
  const codes = (await Promise.all(both)).map(({ findings }) => findings.map(({ code }) => code));
  assert.deepEqual([codes, started], [[["NFS.SILENT"], ["NFS.SILENT"]], 1]);
});

async function find(situation: Situation) {
  const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [nfsCheck] });
  return findings.map(({ id, outcome }) => `${id} ${outcome}`);
}

/** A situation in which every question is answered, and which were asked. */
function watched(mountinfo: string) {
  const asked: string[] = [];
  class Noting extends RegExp {
    override test(line: string): boolean {
      const fits = super.test(line);
      if (fits) asked.push(line);
      return fits;
    }
  }
  const situation: Situation = {
    files: { "/proc/self/mountinfo": mountinfo },
    commands: [[new Noting("^(stat|test) "), ""]],
  };
  const ran = () => asked.map((line) => `${line.split(" ")[0]} ${line.split(" ").at(-1)}`).sort(byPlace);
  return { situation, ran };
}

function byPlace(a: string, b: string): number {
  const key = (line: string) => line.split(" ").reverse().join(" ");
  return key(a) < key(b) ? -1 : 1;
}
