import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { makePlace, PlaceError, privatePlace } from "../../../scripts/dev/place.ts";

describe("the private place of a preview", () => {
  const cases: [name: string, environment: Record<string, string>, home: string, socket: string][] = [
    ["is below the home folder", {}, "/home/a/.local/state/binnacle", "/home/a/.local/state/binnacle/agent.sock"],
    ["follows the state folder", { XDG_STATE_HOME: "/s" }, "/s/binnacle", "/s/binnacle/agent.sock"],
    [
      "has its socket in the runtime folder",
      { XDG_RUNTIME_DIR: "/run/user/7" },
      "/home/a/.local/state/binnacle",
      "/run/user/7/binnacle/agent.sock",
    ],
    [
      "is one folder when it is chosen by hand",
      { BINNACLE_HOME: "/tmp/b", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/run/user/7" },
      "/tmp/b",
      "/tmp/b/agent.sock",
    ],
    [
      "ignores folders that are not absolute",
      { XDG_STATE_HOME: "state", XDG_RUNTIME_DIR: "run", BINNACLE_HOME: "" },
      "/home/a/.local/state/binnacle",
      "/home/a/.local/state/binnacle/agent.sock",
    ],
    [
      "keeps its socket beside the state when the runtime folder's name is too long",
      { XDG_RUNTIME_DIR: `/${"r".repeat(90)}` },
      "/home/a/.local/state/binnacle",
      "/home/a/.local/state/binnacle/agent.sock",
    ],
  ];
  for (const [name, environment, home, socket] of cases) {
    it(name, () => assert.deepEqual(privatePlace(environment, "/home/a"), { home, socket }));
  }

  it("is refused when no socket's path is short enough, with both lengths", () => {
    const longest = `/${"b".repeat(95)}`;
    assert.equal(Buffer.byteLength(privatePlace({ BINNACLE_HOME: longest }, "/").socket), 107);
    assert.throws(
      () => privatePlace({ BINNACLE_HOME: `${longest}b` }, "/"),
      (error) => error instanceof PlaceError && /has 108 bytes; Linux allows 107/.test(error.message),
    );
    // Bytes count, not characters.
    assert.throws(() => privatePlace({ BINNACLE_HOME: `/${"网".repeat(40)}` }, "/"), PlaceError);
  });

  it("is made open to its owner only", (test) => {
    const folder = temporary(test);
    const home = path.join(folder, "new/home");
    makePlace({ home, socket: path.join(folder, "run/agent.sock") });
    assert.equal(fs.statSync(home).mode & 0o777, 0o700);
    assert.equal(fs.statSync(path.join(folder, "run")).mode & 0o777, 0o700);
  });

  it("leaves the permissions of a folder that is there already as they are", (test) => {
    const folder = temporary(test);
    const home = path.join(folder, "home");
    fs.mkdirSync(home, { mode: 0o755 });
    makePlace({ home, socket: path.join(home, "agent.sock") });
    assert.equal(fs.statSync(home).mode & 0o777, 0o755);
  });

  for (const mode of [0o770, 0o702, 0o1777])
    it(`is refused, and left as it is, where others may write: ${mode.toString(8)}`, (test) => {
      const folder = temporary(test);
      const open = path.join(folder, "open");
      fs.mkdirSync(open);
      fs.chmodSync(open, mode);
      const closed = path.join(folder, "closed");
      for (const place of [
        { home: open, socket: path.join(open, "agent.sock") },
        { home: closed, socket: path.join(open, "agent.sock") },
      ])
        assert.throws(
          () => makePlace(place),
          (error) => error instanceof PlaceError && /Other users may write in .*BINNACLE_HOME/.test(error.message),
        );
      assert.equal(fs.statSync(open).mode & 0o7777, mode);
    });

  it("says so when it can't be made", (test) => {
    const folder = temporary(test);
    fs.writeFileSync(path.join(folder, "file"), "");
    const home = path.join(folder, "file/home");
    assert.throws(
      () => makePlace({ home, socket: path.join(home, "agent.sock") }),
      (error) => error instanceof PlaceError && /can't be used.*BINNACLE_HOME/.test(error.message),
    );
  });
});

function temporary(test: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-place-"));
  test.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
