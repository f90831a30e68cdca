import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Consoles, consoleDevices } from "../../../../core/node/role/consoles.ts";
import { type Pty, spawnPty } from "../../../support/node-pty.ts";

describe("the consoles of a machine", () => {
  it("are the screen, as its first terminal, and serial lines", () => {
    const consoles = [
      "ttyS0                -W- (EC p a)    4:64",
      "tty0                 -WU (E  p  )    4:1",
      "hvc0                 -W- (E  p  )  229:0",
      "ttynull0             -W- (E)",
      "netcon0              -W- (E  p  )",
    ];
    assert.deepEqual(consoleDevices(`${consoles.join("\n")}\n`), ["/dev/tty1", "/dev/ttyS0", "/dev/hvc0"]);
    assert.deepEqual(consoleDevices(""), []);
  });

  /** A terminal that somebody sits at: its device, and what it has shown. */
  async function terminal(): Promise<{ pty: Pty; device: string; shows: (text: string) => Promise<void> }> {
    const pty = spawnPty("sh", ["-c", "tty; exec tail -f /dev/null"], {
      name: "vt100",
      cols: 80,
      rows: 24,
      env: { PATH: "/usr/bin:/bin" },
    });
    let shown = "";
    let wake = () => {};
    pty.onData((data) => {
      // A terminal adds a carriage return to each line feed; ours is there for one that does not.
      shown += data.toString().replaceAll("\r", "");
      wake();
    });
    const shows = async (text: string) => {
      while (!shown.includes(text))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    await shows("\n");
    return { pty, device: shown.trim(), shows };
  }

  it("all show what is told, and one that is not there keeps nobody", async () => {
    const [one, two] = [await terminal(), await terminal()];
    const consoles = new Consoles(["/dev/no-such-terminal", one.device, two.device]);
    consoles.write("1. Check System:\n  Pre-Checking: ... ");
    consoles.write("PASS\n");
    for (const { shows, pty } of [one, two]) {
      await shows("1. Check System:\n  Pre-Checking: ... PASS\n");
      pty.destroy();
    }
  });

  it("take a key on any of them, without Enter", async () => {
    const [one, two] = [await terminal(), await terminal()];
    const consoles = new Consoles([one.device, two.device]);
    const key = consoles.keyWithin(60_000);
    two.pty.write("r");
    assert.equal(await key, true);
    for (const { pty } of [one, two]) pty.destroy();
  });

  it("are not waited for longer than told, nor where there are none", async () => {
    const { pty, device } = await terminal();
    assert.equal(await new Consoles([device]).keyWithin(1), false);
    assert.equal(await new Consoles(["/dev/no-such-terminal"]).keyWithin(60_000), false);
    pty.destroy();
  });
});
