import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { volumeLabel } from "../../iso/build/media.ts";
import { menu } from "../../iso/build/menu.ts";
import { differences, listedPackages, packagesOf, parsePackages } from "../../iso/build/packages.ts";
import { root } from "../support/programs.ts";

describe("the lists of packages", () => {
  it("take a name a line, with notes", () => {
    assert.deepEqual(packagesOf("# a role\nlibc6\n  vim-tiny   # small\n\n", "base.list"), ["libc6", "vim-tiny"]);
  });

  it("refuse a line that is no name, with its place", () => {
    for (const line of ["two names", "Upper", "a", "x;y"])
      assert.throws(() => packagesOf(`libc6\n${line}\n`, "base.list"), /base\.list:2: .* is no name of a package/);
  });

  it("are those of every role, each name once", () => {
    const names = listedPackages(`${root}/iso/packages`);
    assert.deepEqual(names, [...new Set(names)].sort());
    for (const name of ["systemd", "libvirt-daemon-system", "ocfs2-tools"]) assert.ok(names.includes(name), name);
  });
});

describe("the lock of packages", () => {
  const lock = { epoch: 1, packages: { a: "1", b: "2", c: "3" } };

  it("names what is other, absent and new, and nothing when all is the same", () => {
    assert.deepEqual(differences(lock, parsePackages("a\t1\nb\t2\nc\t3\n")), []);
    assert.deepEqual(differences(lock, { a: "1", b: "2.1", d: "4" }), [
      "b: 2 in the lock, 2.1 in the archive",
      "c: 3 in the lock, not in the archive",
      "d: not in the lock, 4 in the archive",
    ]);
  });
});

describe("the medium's boot menu", () => {
  const text = menu("BINNACLE_1_2");

  it("has the five entries in order, the first by itself after ten seconds", () => {
    const titles = [...text.matchAll(/^menuentry "(.*)" --id (\S+)/gm)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "Install Binnacle",
      "Install over VNC",
      "Install in text mode on the serial line",
      "Rescue",
      "Boot from the first disk",
    ]);
    assert.match(text, /^set default=install\nset timeout=10$/m);
  });

  it("runs the installer on screen and serial line, with the messages where the entry says", () => {
    const consoles = (id: string) =>
      [...(text.split(`--id ${id} {`)[1]?.split("initrd")[0] ?? "").matchAll(/console=(\S+)/g)].map(([, name]) => name);
    assert.deepEqual(consoles("install"), ["ttyS0,115200n8", "tty0"]);
    assert.deepEqual(consoles("serial"), ["tty0", "ttyS0,115200n8"]);
  });

  it("finds its medium by a label that ISO 9660 allows", () => {
    assert.equal(volumeLabel("1.2.3-rc.1+build.5.of.a.long.name.indeed"), "BINNACLE_1_2_3_RC_1_BUILD_5_OF_A");
    assert.match(text, /binnacle\.medium=BINNACLE_1_2 /);
  });
});
