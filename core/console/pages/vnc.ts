import RFB, { type Channel } from "@novnc/novnc";
import type { Opened } from "./connection.ts";
import { element, runFrame } from "./frame.ts";

/* The screen of a machine, with its keyboard and mouse, by noVNC. */

/** An open console as noVNC wants a WebSocket to be: it never sees what is said beside the bytes. */
class ConsoleChannel implements Channel {
  binaryType: BinaryType = "arraybuffer";
  readonly protocol = "";
  readyState: number = WebSocket.OPEN;
  onopen: Channel["onopen"] = null;
  onclose: Channel["onclose"] = null;
  onerror: Channel["onerror"] = null;
  onmessage: Channel["onmessage"] = null;
  readonly #opened: Opened;

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  begin(): void {
    this.#opened.onBytes((data) => this.onmessage?.(new MessageEvent("message", { data })));
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    // noVNC uses its buffer again at once.
    this.#opened.send(bytes.slice());
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
    this.#opened.close();
  }

  ended(): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.onclose?.(new CloseEvent("close", { code: 1000, wasClean: true }));
  }
}

const screen = element("screen", HTMLElement);
const attention = element("attention", HTMLButtonElement);
let shown: { rfb: RFB; channel: ConsoleChannel } | undefined;

attention.addEventListener("click", () => {
  shown?.rfb.sendCtrlAltDel();
  shown?.rfb.focus();
});

runFrame(
  (opened) => {
    screen.replaceChildren();
    const channel = new ConsoleChannel(opened);
    const rfb = new RFB(screen, channel, { shared: true });
    rfb.scaleViewport = true;
    rfb.background = "#101418";
    rfb.addEventListener("connect", () => {
      attention.disabled = false;
      rfb.focus();
    });
    shown = { rfb, channel };
    channel.begin();
  },
  () => {
    attention.disabled = true;
    // noVNC takes its canvas away when it has disconnected: what was last on the screen stays to be read.
    const last = screen.querySelector("canvas");
    const picture = last === null || last.width === 0 ? undefined : copyOf(last);
    shown?.channel.ended();
    shown = undefined;
    if (picture !== undefined) screen.replaceChildren(picture);
  },
);

function copyOf(canvas: HTMLCanvasElement): HTMLCanvasElement {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.style.width = canvas.style.width;
  copy.style.height = canvas.style.height;
  copy.getContext("2d")?.drawImage(canvas, 0, 0);
  return copy;
}
