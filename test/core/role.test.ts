import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { needsPrivateMounts } from "../support/private-mounts.ts";
import { root, temporaryFolder } from "../support/programs.ts";

/*
 * The program itself, on a node of its own: in a private mount namespace, where overlays lie on /etc, /var/lib and
 * /usr/lib, and what would change this machine is a small program that says yes.
 */
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  for (const name of ["systemctl", "virsh", "modprobe", "nft", "qemu-system-x86_64"]) fake(name, "");
  fake("systemd-detect-virt", "echo kvm");
  fake(
    "systemctl",
    'case "$1" in show) printf "Id=libvirtd.service\\nLoadState=loaded\\n" ;; is-active) exit 3 ;; esac',
  );
});
afterEach(() => folder.dispose());

const at = (name: string) => path.join(folder.path, name);

function fake(name: string, text: string): void {
  fs.mkdirSync(at("bin"), { recursive: true });
  fs.writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

const setUp = `set -eu
cd "$1"; node=$2; program=$3; overlay=$4; shift 4
mkdir -p kept
for place in etc var/lib usr/lib; do
  name=$(echo "$place" | tr / -)
  mkdir -p "kept/$name"
  mkdir -p "tmp-$name"
  mount -t tmpfs none "tmp-$name"
  mkdir "tmp-$name/upper" "tmp-$name/work"
  mount -t overlay none -o "lowerdir=/$place,upperdir=tmp-$name/upper,workdir=tmp-$name/work" "/$place"
done
mkdir -p /etc/binnacle /etc/ssh /var/lib/binnacle /usr/lib/binnacle kept/binnacle kept/ssh kept/var
mount --bind kept/binnacle /etc/binnacle
mount --bind kept/ssh /etc/ssh
mount --bind kept/var /var/lib/binnacle
mount --bind "$overlay" /usr/lib/binnacle
mount --bind bin /usr/local/sbin
: >consoles
mount --bind consoles /proc/consoles
printf 'boot=binnacle\\n' >cmdline
mount --bind cmdline /proc/cmdline
exec "$node" "$program" "$@"`;

function start(...args: string[]) {
  const overlay = path.join(root, "iso/overlay/usr/lib/binnacle");
  const script = ["-c", setUp, "sh", folder.path, process.execPath, path.join(root, "core/role.ts"), overlay, ...args];
  return spawn("unshare", ["--mount", "--propagation", "private", "--", "sh", ...script], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(...args: string[]) {
  const child = start(...args);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

function role(name: string): void {
  fs.mkdirSync(at("kept/binnacle"), { recursive: true });
  fs.writeFileSync(at("kept/binnacle/node.json"), JSON.stringify({ role: name }));
}
const record = () => JSON.parse(fs.readFileSync(at("kept/binnacle/role.json"), "utf8"));

describe("the program of a node's role", needsPrivateMounts(), () => {
  it("makes the identity, installs the role at the first boot, and is silent at the next", async () => {
    role("management");
    const identity = await run("identity");
    assert.deepEqual([identity.code, identity.stderr], [0, ""]);
    assert.ok(fs.existsSync(at("kept/ssh/ssh_host_ed25519_key")));
    const first = await run("boot");
    assert.deepEqual([first.code, first.stderr], [0, ""]);
    assert.match(
      first.stdout,
      /^\n1\. Check System:\n {2}Pre-Checking: \.\.\. PASS\n.*\n {2}Management API answers: \.\.\. SKIP \(.*\)\n$/s,
    );
    assert.equal(record().state, "ready");
    for (const mode of ["boot", "check"]) assert.deepEqual(await run(mode), { code: 0, stdout: "", stderr: "" });
  });

  it("ends with 1 and keeps the failure where a step fails, and tries again at the next boot", async () => {
    role("management");
    fake("virsh", "echo 'error: Connection refused' >&2; exit 1");
    const failed = await run("boot");
    assert.equal(failed.code, 1);
    assert.match(
      failed.stdout,
      /Check Virtualization: \.\.\. FAIL\n {4}Reason: libvirt does not answer: error: Connection refused\n {4}Remedy: /,
    );
    assert.match(failed.stdout, /This node's role is not ready\. It is tried again at the next boot\.\n$/);
    assert.equal(record().state, "failed");
    // What was never ready is not checked, and stays what it is.
    assert.deepEqual(await run("check"), { code: 0, stdout: "", stderr: "" });
    assert.equal(record().state, "failed");
    fake("virsh", "");
    assert.equal((await run("boot")).code, 0);
    assert.equal(record().state, "ready");
  });

  it("that was killed in the middle of a step goes on at the next boot", async () => {
    role("management");
    fake("virsh", `echo started >"${at("marker")}"; exec cat "${at("release")}"`);
    for (const name of ["marker", "release"]) makeFifo(at(name));
    const child = start("boot");
    // Opens when the step has begun.
    await fs.promises.readFile(at("marker"));
    child.kill("SIGKILL");
    await once(child, "close");
    // The command outlives whoever started it; now it ends.
    await fs.promises.writeFile(at("release"), "");
    const { state, steps } = record();
    assert.equal(state, "installing");
    assert.ok(JSON.stringify(steps).includes('"state":"running"'));
    fake("virsh", "");
    assert.equal((await run("boot")).code, 0);
    assert.equal(record().state, "ready");
    assert.equal(record().attempts, 2);
  });

  it("does nothing on a machine that is no node", async () => {
    fs.mkdirSync(at("kept/binnacle"), { recursive: true });
    for (const mode of ["identity", "boot", "check"])
      assert.deepEqual(await run(mode), { code: 0, stdout: "", stderr: "" });
  });

  it("turns an expert node into a management node when told so, and back never", async () => {
    role("expert");
    const asked = await run("change", "management");
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /no terminal to confirm it on\. Add --yes\./);
    assert.equal(fs.readFileSync(at("kept/binnacle/node.json"), "utf8"), '{"role":"expert"}');
    const changed = await run("change", "management", "--yes", "--json");
    assert.deepEqual([changed.code, changed.stderr], [0, ""]);
    assert.deepEqual(JSON.parse(changed.stdout).state, "ready");
    const refused = await run("change", "compute", "--yes", "--json");
    assert.equal(refused.code, 3);
    assert.equal(JSON.parse(refused.stdout).error.code, "ROLE.MANAGEMENT");
    assert.match((await run("change")).stdout, /^management: ready\n$/);
  });
});

function makeFifo(file: string): void {
  const { status } = spawnSync("mkfifo", [file]);
  assert.equal(status, 0);
}
