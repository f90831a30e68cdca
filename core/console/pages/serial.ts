import { Terminal } from "@xterm/xterm";
import type { Opened } from "./connection.ts";
import { element, runFrame } from "./frame.ts";

/* The serial line of a machine, by xterm. A serial line knows no sizes: 80 columns and 24 lines are what guests believe. */

/** Bytes of one message: what is pasted goes in pieces. */
const pieceBytes = 16 * 1024;

const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 10_000, fontSize: 15, cursorBlink: true });
terminal.open(element("screen", HTMLElement));
const encoder = new TextEncoder();
let shown: Opened | undefined;

function type(bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.length; at += pieceBytes) shown?.send(bytes.slice(at, at + pieceBytes));
}

terminal.onData((text) => type(encoder.encode(text)));
terminal.onBinary((text) => type(Uint8Array.from(text, (each) => each.charCodeAt(0) & 0xff)));

runFrame(
  (opened) => {
    // The line begins with the last that it has printed, so that nothing stands there twice.
    terminal.reset();
    shown = opened;
    opened.onBytes((bytes) => terminal.write(new Uint8Array(bytes)));
    terminal.focus();
  },
  () => {
    shown = undefined;
  },
);
