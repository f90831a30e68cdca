import assert from "node:assert/strict";
import * as fs from "node:fs";
import { connect } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { vmArguments } from "./vm/command.ts";
import { keysOf } from "./vm/keyboard.ts";
import { type Network, startNetwork } from "./vm/network.ts";
import type { StartFrom } from "./vm/options.ts";
import { parsePpm } from "./vm/picture.ts";
import { vncResponse } from "./vm/rfb.ts";

describe("a machine's arguments", () => {
  const noServers = { diskServers: new Map<string, string>() };
  const all = (options: Parameters<typeof vmArguments>[0]) => vmArguments(options, noServers).join(" ");

  it("leave no way to a network out of the computer", () => {
    assert.match(all({ folder: "/f" }), /-nic none/);
    const nics = [{ network: "user", forward: [5900] }, { network: { socket: "/f/n.sock" } }, {}] as const;
    const given = all({ folder: "/f", nics });
    assert.match(given, /user,id=nic0-net,restrict=on,hostfwd=tcp:127\.0\.0\.1:0-:5900 /);
    assert.match(given, /stream,id=nic1-net,server=off,addr\.type=unix,addr\.path=\/f\/n\.sock /);
    assert.match(given, /hubport,id=nic2-net,/);
    const tftp = { folder: "/t", bootFile: "boot.ipxe" };
    const served = all({ folder: "/f", nics: [{ network: "user", tftp }] });
    assert.match(served, /user,id=nic0-net,restrict=on,tftp=\/t,bootfile=boot\.ipxe /);
    const web = all({ folder: "/f", nics: [{ network: "user", webFile: "/w" }] });
    assert.match(web, /restrict=on,guestfwd=tcp:10\.0\.2\.100:80-cmd:\S+serve-file \/w /);
  });

  it("try the medium first, or the disks, or the network, or leave it to the firmware", () => {
    const machine = { folder: "/f", disks: [{ file: "d" }], cdrom: "c", nics: [{ network: "user" }] } as const;
    const index = (startFrom: StartFrom) =>
      [...all({ ...machine, startFrom }).matchAll(/"bootindex":(\d+)/g)].map(([, value]) => Number(value));
    assert.deepEqual(index("medium"), [200, 1]);
    assert.deepEqual(index("disks"), [1, 100]);
    assert.deepEqual(index("network"), [200, 100, 1]);
    assert.deepEqual(index("firmware"), []);
  });
});

it("a US keyboard's keys are found for a text, and a text that it can't write is refused", () => {
  assert.deepEqual(keysOf("aZ 1!?\n"), [
    ["a"],
    ["shift", "z"],
    ["spc"],
    ["1"],
    ["shift", "1"],
    ["shift", "slash"],
    ["ret"],
  ]);
  assert.throws(() => keysOf("é"), /no key for "é"/);
});

it("a VNC password answers a challenge as other viewers do", () => {
  // The classic DES example: key 133457799BBCDFF1, text 0123456789ABCDEF; VNC reverses the bits of each byte of a key.
  const challenge = Buffer.from("0123456789abcdef0123456789abcdef", "hex");
  const password = Buffer.from("c82cea9ed93dfb8f", "hex").toString("latin1");
  assert.equal(vncResponse(challenge, password).toString("hex"), "85e813540f0ab40585e813540f0ab405");
});

it("a picture that is cut off is refused", () => {
  assert.deepEqual(parsePpm(Buffer.from("P6\n1 1\n255\nabc")), { width: 1, height: 1, rgb: Buffer.from("abc") });
  assert.throws(() => parsePpm(Buffer.from("P6\n2 1\n255\nabc")), /cut off/);
});

describe("a network for machines", () => {
  let folder: string;
  let network: Network;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-net-"));
    network = await startNetwork(folder);
  });
  after(async () => {
    await network.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("brings a frame to the others and to the test, and not back, however it is cut into pieces", async () => {
    const [a, b] = [connect(network.socket), connect(network.socket)];
    const seen = new Promise<string>((resolve) => {
      network.onFrame = (frame) => resolve(frame.toString());
    });
    const got = new Promise<string>((resolve) => b.once("data", (bytes: Buffer) => resolve(bytes.toString("latin1"))));
    await Promise.all([a, b].map((port) => new Promise<void>((resolve) => port.once("connect", resolve))));
    // The switch has taken both in once it answers; a frame of its own shows that.
    await new Promise<void>((resolve) => setImmediate(resolve));
    a.write("\0\0\0");
    a.write("\x05hello");
    assert.equal(await seen, "hello");
    assert.equal(await got, "\0\0\0\x05hello");
    assert.equal(a.bytesRead, 0);
    a.destroy();
    b.destroy();
  });
});
