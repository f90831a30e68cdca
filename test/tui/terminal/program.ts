/**
 * A small console program for the tests of Terminal: shows its size, how often it was drawn and the keys that came.
 * Ctrl-Q closes and leaves; Ctrl-X throws; Ctrl-S draws a hundred times; Ctrl-P toggles the profile;
 * Ctrl-F fills the screen with as many bytes as possible.
 */
import { writeFileSync } from "node:fs";
import { decideProfile } from "../../../tui/terminal/profile.ts";
import { Terminal } from "../../../tui/terminal/terminal.ts";

const facts = { env: process.env };
let drawn = 0;
let kind: "basic" | "rich" = "basic";
const keys: string[] = [];

const terminal = new Terminal({
  profile: decideProfile(facts, kind),
  term: process.env["TERM"],
  canSuspend: process.argv.includes("--can-suspend"),
  onKey(key) {
    if (key.name === "ctrl" && key.letter === "q") {
      void terminal.close().then(() => console.log("closed"));
      return;
    }
    if (key.name === "ctrl" && key.letter === "x") throw new Error("crashed on purpose");
    if (key.name === "ctrl" && key.letter === "p") {
      kind = kind === "basic" ? "rich" : "basic";
      terminal.setProfile(decideProfile(facts, kind));
    }
    if (key.name === "ctrl" && key.letter === "f") {
      terminal.draw((canvas) => {
        for (let at = 0; at < canvas.width * canvas.height; at++)
          canvas.text(at % canvas.width, Math.floor(at / canvas.width), "x", at % 2 === 0 ? "bar" : "strong");
      });
      setImmediate(() => setImmediate(() => report(String(process.pid))));
      return;
    }
    keys.push("text" in key ? `${key.name}:${key.text.length > 20 ? key.text.length : key.text}` : key.name);
    const times = key.name === "ctrl" && key.letter === "s" ? 100 : 1;
    for (let count = 0; count < times; count++) show();
  },
  onResize: () => show(),
  onGone(reason) {
    report(reason);
    process.exit(3);
  },
});

/** To the file that was named, a FIFO on which the test waits. */
function report(what: string): void {
  const path = process.argv.at(-1);
  if (path?.startsWith("/tmp/") === true) writeFileSync(path, what);
}

function show(): void {
  terminal.draw((canvas) => {
    drawn++;
    canvas.fill({ x: 0, y: 0, width: canvas.width, height: 1 }, canvas.glyphs.horizontal, "bar");
    canvas.text(1, 1, `size ${canvas.width}x${canvas.height}`, "strong");
    canvas.text(1, 2, `drawn ${drawn}`);
    canvas.text(1, 3, `keys ${keys.slice(-8).join(" ")}`);
    canvas.text(1, canvas.height - 1, "ready", "key");
  });
}

terminal.open();
show();
