import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { root, temporaryFolder } from "../support/programs.ts";
import { undoAfter } from "../support/undo.ts";

const program = path.join(root, "iso/overlay/usr/lib/binnacle/o2cb-cluster");
const settings = "etc/default/o2cb";
const pool = "cluster:\n\tnode_count = 1\n\tname = pool\n\nnode:\n\tname = node01\n\tcluster = pool\n";

/** A node's files, and the program run among them. */
function node(t: TestContext, clusterConf: string, files: Record<string, string> = {}) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const place = (name: string) => path.join(folder.path, name);
  for (const [name, text] of Object.entries({ "etc/ocfs2/cluster.conf": clusterConf, [settings]: "", ...files })) {
    fs.mkdirSync(path.dirname(place(name)), { recursive: true });
    fs.writeFileSync(place(name), text);
  }
  const run = (word: string) => {
    const env = { ...process.env, BINNACLE_ROOT: folder.path };
    const { status, stderr } = spawnSync("sh", [program, word], { encoding: "utf8", env });
    return { status, stderr };
  };
  return { place, run, read: (name: string) => fs.readFileSync(place(name), "utf8") };
}

describe("the cluster that o2cb starts", () => {
  it("is that of cluster.conf, and the node's other settings stay", (t) => {
    const { run, read } = node(t, pool, {
      [settings]: "O2CB_BOOTCLUSTER=binnacle\n# own\nO2CB_HEARTBEAT_THRESHOLD=61\n",
    });
    assert.deepEqual(run("choose"), { status: 0, stderr: "" });
    assert.equal(read(settings), "# own\nO2CB_HEARTBEAT_THRESHOLD=61\nO2CB_BOOTCLUSTER=pool\n");
    assert.deepEqual(run("choose"), { status: 0, stderr: "" });
    assert.equal(read(settings), "# own\nO2CB_HEARTBEAT_THRESHOLD=61\nO2CB_BOOTCLUSTER=pool\n");
  });

  it("is looked for in the kernel: one that was not registered is a failure", (t) => {
    const { run, place } = node(t, pool);
    const { status, stderr } = run("check");
    assert.equal(status, 1);
    assert.match(stderr, /the kernel does not know the cluster pool/);
    fs.mkdirSync(place("sys/kernel/config/cluster/pool"), { recursive: true });
    assert.deepEqual(run("check"), { status: 0, stderr: "" });
  });

  it("must have a name, which is not that of a node", (t) => {
    const { run, read } = node(t, "node:\n\tname = node01\n", { [settings]: "kept\n" });
    const { status, stderr } = run("choose");
    assert.equal(status, 1);
    assert.match(stderr, /names no cluster/);
    assert.equal(read(settings), "kept\n");
  });
});
