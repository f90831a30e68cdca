import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { builtFiles, bundle, ensureBuilt } from "../../../scripts/dev/build.ts";
import { makeProject, writeFiles } from "./project.ts";

const sources = {
  "tui/main.ts":
    'import { word } from "./word.ts";\nconst screen = await import("./screens/a.ts");\nconsole.log(word, screen.a);\n',
  "tui/word.ts": 'export const word: string = "one";\n',
  "tui/screens/a.ts": 'import { word } from "../word.ts";\nexport const a = `screen of ${word}`;\n',
  "package.json": '{ "type": "module" }',
};

/** Sources that were saved a while ago: what is saved while a build runs counts as changed. */
function makeOld(root: string, files: readonly string[]): void {
  for (const file of files) fs.utimesSync(path.join(root, file), new Date(1e12), new Date(1e12));
}

function project(test: TestContext): string {
  const root = makeProject(test, sources);
  makeOld(root, Object.keys(sources));
  return root;
}

function outputOf(root: string): string {
  return spawnSync(process.execPath, [bundle("tui", root)], { encoding: "utf8" }).stdout.trim();
}

describe("the build", () => {
  it("bundles the programs whose sources are there, with a file of its own for what is loaded later", async (test) => {
    const root = project(test);
    assert.equal(await ensureBuilt(root), true);
    assert.equal(outputOf(root), "one screen of one");
    assert.equal(fs.existsSync(bundle("agent", root)), false);
    assert.ok(fs.readdirSync(path.join(root, "build/chunks")).some((name) => /^a-\w+\.js$/.test(name)));
  });

  it("leaves built-in modules with all their names, also those that are loaded later", async (test) => {
    const root = project(test);
    const uses = 'import { sep } from "node:path";\nconst { request } = await import("node:http");\n';
    writeFiles(root, { "tui/main.ts": `${uses}console.log(sep, typeof request);\n` });
    await ensureBuilt(root);
    assert.equal(outputOf(root), "/ function");
  });

  it("does nothing when nothing has changed, and builds again when a source has", async (test) => {
    const root = project(test);
    await ensureBuilt(root);
    assert.equal(await ensureBuilt(root), false);
    writeFiles(root, { "tui/word.ts": 'export const word: string = "two";\n' });
    assert.equal(await ensureBuilt(root), true);
    assert.equal(outputOf(root), "two screen of two");
  });

  it("builds again when a bundle is gone or was changed, the stamp is damaged, or a program has come", async (test) => {
    const root = project(test);
    await ensureBuilt(root);
    fs.rmSync(bundle("tui", root));
    assert.equal(await ensureBuilt(root), true);
    fs.appendFileSync(bundle("tui", root), "\n");
    assert.equal(await ensureBuilt(root), true);
    for (const damaged of ["", "null", "{}", '{"entries":[],"inputs":[null],"outputs":[]}']) {
      fs.writeFileSync(path.join(root, "build/stamp.json"), damaged);
      assert.equal(await ensureBuilt(root), true, damaged);
    }
    writeFiles(root, { "tui/menu.ts": "console.log('menu');\n" });
    assert.equal(await ensureBuilt(root), true);
    assert.equal(fs.existsSync(bundle("menu", root)), true);
  });

  it("keeps what a running console may still load", async (test) => {
    const root = project(test);
    await ensureBuilt(root);
    const chunks = fs.readdirSync(path.join(root, "build/chunks"));
    writeFiles(root, { "tui/word.ts": 'export const word: string = "two";\n' });
    await ensureBuilt(root);
    const now = fs.readdirSync(path.join(root, "build/chunks"));
    assert.ok(now.length > chunks.length);
    for (const name of chunks) assert.ok(now.includes(name), name);
  });

  it("removes chunks of builds that are older than a day", async (test) => {
    const root = project(test);
    await ensureBuilt(root);
    writeFiles(root, { "build/chunks/old-AAAA.js": "" });
    makeOld(root, ["build/chunks/old-AAAA.js"]);
    writeFiles(root, { "tui/word.ts": 'export const word: string = "two";\n' });
    await ensureBuilt(root);
    assert.equal(fs.existsSync(path.join(root, "build/chunks/old-AAAA.js")), false);
  });

  it("builds what runs in browsers apart, and ships it", async (test) => {
    const root = project(test);
    const folder = "core/console/pages";
    writeFiles(root, { [`${folder}/vnc.ts`]: "document.title = 'one';\n", [`${folder}/vnc.html`]: "<html>\n" });
    await ensureBuilt(root);
    assert.deepEqual(
      builtFiles(root).filter((name) => name.includes("pages")),
      ["build/console-pages/vnc.html", "build/console-pages/vnc.js"],
    );
    const script = () => fs.readFileSync(path.join(root, "build/console-pages/vnc.js"), "utf8");
    // Nothing of Node is in it.
    assert.equal(script().trim(), 'document.title="one";');
    writeFiles(root, { [`${folder}/vnc.html`]: "<html lang=en>\n" });
    assert.equal(await ensureBuilt(root), true);
  });

  it("can run several times at once", async (test) => {
    const root = project(test);
    await Promise.all([1, 2, 3, 4].map(() => ensureBuilt(root)));
    assert.equal(outputOf(root), "one screen of one");
    assert.deepEqual(fs.readdirSync(path.join(root, "build")).sort(), ["chunks", "stamp.json", "tui.js"]);
    assert.equal(await ensureBuilt(root), false);
  });

  it("names every place that does not compile, and leaves what was built before", async (test) => {
    const root = project(test);
    await ensureBuilt(root);
    writeFiles(root, { "tui/word.ts": 'import "./no.ts";\nimport "./neither.ts";\n' });
    await assert.rejects(ensureBuilt(root), /tui\/word\.ts:1:8: .*no\.ts[\s\S]*tui\/word\.ts:2:8: .*neither\.ts/);
    assert.equal(outputOf(root), "one screen of one");
    assert.deepEqual(fs.readdirSync(path.join(root, "build")).sort(), ["chunks", "stamp.json", "tui.js"]);
  });
});
