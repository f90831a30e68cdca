import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureBuilt } from "../../scripts/dev/build.ts";
import { installInto } from "../../scripts/dev/install.ts";
import { commands } from "../../scripts/network/commands.ts";
import { openConsole } from "../support/console.ts";
import { root, startAgent, temporaryFolder } from "../support/programs.ts";

describe("installing into a file tree", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let tree: string;

  before(async () => {
    await ensureBuilt();
    folder = temporaryFolder();
    tree = path.join(folder.path, "tree");
    fs.mkdirSync(tree);
    installInto(tree, process.arch);
  });
  after(() => folder.dispose());

  const library = () => path.join(tree, "usr/lib/binnacle");

  it("gives the same files, modes and times again, whatever lay in the product's place", () => {
    const first = listing(tree);
    fs.writeFileSync(path.join(library(), "chunks/old.js"), "of a former version");
    fs.chmodSync(path.join(library(), "node"), 0o600);
    fs.writeFileSync(path.join(tree, "usr/bin/binnacle"), "changed");
    fs.writeFileSync(path.join(tree, "usr/share/doc/binnacle/LICENSE.old"), "of a former version");
    installInto(tree, process.arch);
    assert.deepEqual(listing(tree), first);
  });

  it("leaves what is not the product's as it is", () => {
    const other = path.join(tree, "usr/lib/systemd/system/other.service");
    fs.writeFileSync(other, "[Unit]\n", { mode: 0o640 });
    installInto(tree, process.arch);
    assert.equal(fs.readFileSync(other, "utf8"), "[Unit]\n");
    assert.equal(fs.statSync(other).mode & 0o777, 0o640);
  });

  it("brings of packages what the programs load, and no more", () => {
    const names = fs.readdirSync(path.join(library(), "node_modules"));
    assert.ok(names.includes("blessed") && names.includes("blessed-contrib"));
    assert.ok(!names.includes("fastify") && !names.includes("esbuild"), "bundled or for building only");
    assert.ok(!fs.existsSync(path.join(library(), "node_modules/blessed/example")));
    const loads = "import('blessed/lib/tput.js').then(() => import('blessed-contrib/lib/widget/charts/line.js'))";
    const { status, stderr } = spawnSync(path.join(library(), "node"), ["--input-type=module", "--eval", loads], {
      cwd: library(),
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("brings each command of the network with its manual page and its completion", () => {
    for (const { name } of commands) {
      const wrapper = path.join(tree, "usr/bin", name);
      assert.equal(fs.statSync(wrapper).mode & 0o777, 0o755);
      const called = /^exec \/usr\/lib\/binnacle\/node \/usr\/lib\/binnacle\/zs-network\.js (\S+) "\$@"$/m;
      assert.equal(called.exec(fs.readFileSync(wrapper, "utf8"))?.[1], name);
      assert.match(fs.readFileSync(path.join(tree, `usr/share/man/man8/${name}.8`), "utf8"), /^\.TH "ZS/);
      assert.ok(fs.existsSync(path.join(tree, "usr/share/bash-completion/completions", name)));
    }
    const { status, stdout } = spawnSync(
      path.join(library(), "node"),
      [path.join(library(), "zs-network.js"), "zs-vlan", "-h"],
      { encoding: "utf8" },
    );
    assert.equal(status, 0);
    assert.match(stdout, /^usage: zs-vlan -c IFACE ID \| -d IFACE ID\n/);
  });

  it("brings the command line of the cloud, which runs there", () => {
    assert.match(fs.readFileSync(path.join(tree, "usr/share/man/man8/zstack-cli.8"), "utf8"), /^\.TH "ZSTACK/);
    assert.ok(fs.existsSync(path.join(tree, "usr/share/bash-completion/completions/zstack-cli")));
    const wrapper = path.join(tree, "usr/bin/zstack-cli");
    assert.equal(fs.statSync(wrapper).mode & 0o777, 0o755);
    const [, node, program] = /^exec (\S+) (\S+) "\$@"$/m.exec(fs.readFileSync(wrapper, "utf8")) ?? [];
    const inTree = [node, program].map((file) => path.join(tree, file ?? ""));
    const { status, stdout } = spawnSync(inTree[0] ?? "", [inTree[1] ?? "", "help", "LogOut"], { encoding: "utf8" });
    assert.deepEqual([status, stdout.split("\n")[0]], [0, "LogOut"]);
  });

  it("brings zstack-ctl, which runs there, with its page and completion", () => {
    assert.match(fs.readFileSync(path.join(tree, "usr/share/man/man8/zstack-ctl.8"), "utf8"), /^\.TH "ZSTACK/);
    assert.ok(fs.existsSync(path.join(tree, "usr/share/bash-completion/completions/zstack-ctl")));
    const wrapper = path.join(tree, "usr/bin/zstack-ctl");
    assert.equal(fs.statSync(wrapper).mode & 0o777, 0o755);
    const [, node, program] = /^exec (\S+) (\S+) "\$@"$/m.exec(fs.readFileSync(wrapper, "utf8")) ?? [];
    const inTree = [node, program].map((file) => path.join(tree, file ?? ""));
    const run = (...args: string[]) => spawnSync(inTree[0] ?? "", [inTree[1] ?? "", ...args], { encoding: "utf8" });
    assert.match(run("restore_mysql", "--help").stdout, /^usage: zstack-ctl restore_mysql -f FILE \[--yes\]\n/);
    assert.equal(run("no_such").status, 2);
    assert.equal(run("install_license").status, 1);
  });

  it("brings the licence of each package whose code is in a bundle or beside it, and Node's", () => {
    const file = path.join(tree, "usr/share/doc/binnacle/THIRD-PARTY.txt");
    const text = fs.readFileSync(file, "utf8");
    const titles = new Set([...text.matchAll(/^=+\n(.*)\n=+$/gm)].map((match) => match[1]));
    // The bundler notes above each piece of code which file it is from.
    const code = fs
      .readdirSync(library(), { recursive: true, encoding: "utf8" })
      .filter((name) => /^(chunks\/)?[\w-]+\.js$/.test(name))
      .map((name) => fs.readFileSync(path.join(library(), name), "utf8"))
      .join("\n");
    const bundled = [...code.matchAll(/^ *\/\/ ((?:\S*\/)?node_modules\/(?:@[^/\s]+\/)?[^/\s]+)\//gm)].map(
      (match) => match[1] ?? "",
    );
    assert.ok(bundled.length > 100);
    const beside = fs
      .readdirSync(path.join(library(), "node_modules"), { recursive: true, encoding: "utf8" })
      .flatMap((name) => /^((?:.*\/)?(?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(name)?.[1] ?? [])
      .map((name) => `node_modules/${name}`);
    assert.ok(beside.includes("node_modules/blessed"));
    const shipped = new Set([...bundled, ...beside, `node_modules/node-linux-${process.arch}`]);
    for (const folder of shipped) {
      const { name, version, license } = JSON.parse(fs.readFileSync(path.join(root, folder, "package.json"), "utf8"));
      assert.ok(titles.has(`${name} ${version} (${license})`), folder);
    }
    assert.match(text, /Node\.js is licensed for use as follows[\s\S]*OpenSSL/);
  });

  it("gives a console that runs away from the repository", async () => {
    const agent = await startAgent({ fixture: "bonded-server" });
    const console = await openConsole({
      socketPath: agent.socketPath,
      command: [path.join(library(), "node"), path.join(library(), "tui.js"), "--socket", agent.socketPath],
    });
    try {
      await console.until(/mgmt01[\s\S]*NODE INFO/);
    } finally {
      await console.close();
      await agent.stop();
    }
  });

  it("refuses this machine's own root, and a tree with a link that leads out of it", () => {
    assert.throws(() => installInto("/", process.arch), /this machine/);
    const bad = path.join(folder.path, "bad");
    fs.mkdirSync(path.join(bad, "usr"), { recursive: true });
    fs.symlinkSync(folder.path, path.join(bad, "usr/lib"));
    assert.throws(() => installInto(bad, process.arch), /leads out of/);
    assert.deepEqual(fs.readdirSync(folder.path).sort(), ["bad", "tree"]);
  });

  it("says which processors there are when it is asked for another", () => {
    assert.throws(() => installInto(tree, "riscv64"), /riscv64.*x64 and arm64/);
  });
});

/** Every file below a folder, with its mode, time and content. */
function listing(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { mode, mtimeMs } = fs.statSync(file);
      const hash = createHash("sha256").update(fs.readFileSync(file)).digest("hex").slice(0, 12);
      return `${path.relative(folder, file)} ${mode.toString(8)} ${mtimeMs} ${hash}`;
    })
    .sort();
}
