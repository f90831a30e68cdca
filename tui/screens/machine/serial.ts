import type { Duplex } from "node:stream";
import type { LocalMachineRow } from "../../../core/model/local-machines.ts";
import type { MessageKey } from "../../i18n/catalogue.ts";
import { Emulator } from "../../terminal/emulator.ts";
import { displayWidth } from "../../terminal/width.ts";
import type { Control, Screen } from "../screen.ts";
import { guestBytes } from "./guest-keys.ts";

/** A guest on a serial line believes this, unless somebody tells it more; a terminal that is smaller shows a part. */
const usual = { width: 80, height: 24 };
/** What a guest has printed and is not understood yet: more is not taken from it meanwhile. */
const mostWaiting = 64 * 1024;

/**
 * Ctrl-O: a letter, which every keyboard can type and every client sends (Ctrl-] is telnet's own, and no key of many
 * keyboards; Ctrl-T and Ctrl-N open a tab of a browser; Ctrl-A and Ctrl-B are screen's and tmux's; Enter ~ . is ssh's).
 */
const leaveByte = 0x0f;
const [enter, escape] = [0x0d, 0x1b];

type Phase = "opening" | "open" | "ended" | "failed";

/** The serial line of a machine. All that is typed goes to the guest, but for Ctrl-O, which asks what to do. */
export function serialScreen(control: Control, { uuid, name }: LocalMachineRow): Screen {
  let emulator = new Emulator(usual.width, usual.height);
  let line: Duplex | undefined;
  let phase: Phase = "opening";
  let why = "";
  /** Ctrl-O was typed: the next key says what it was for. */
  let isAsking = false;
  let isHere = false;

  async function open(): Promise<void> {
    try {
      const opened = await control.client.openSerial(uuid);
      if (!isHere) {
        opened.destroy();
        return;
      }
      line = opened;
      phase = "open";
      opened.on("data", (bytes: Buffer) => take(opened, bytes));
      opened.once("close", () => {
        if (line === opened) phase = "ended";
        control.redraw();
      });
    } catch (error) {
      phase = "failed";
      why = control.describe(error);
    }
    control.redraw();
  }

  function take(from: Duplex, bytes: Buffer): void {
    emulator.write(bytes, () => {
      if (from.isPaused() && emulator.waiting < mostWaiting) from.resume();
      control.redraw();
    });
    if (emulator.waiting >= mostWaiting) from.pause();
  }

  function type(bytes: Uint8Array): void {
    if (phase === "open" && bytes.length > 0) line?.write(guestBytes(bytes, emulator.modes));
  }

  /** The key behind Ctrl-O. Of a key that sends several bytes all are taken: it was one answer. */
  function answer(byte: number): void {
    isAsking = false;
    if (byte === leaveByte || byte === enter) control.close(screen);
    // o and O
    else if ((byte | 0x20) === 0x6f) type(Uint8Array.of(leaveByte));
  }

  const screen: Screen = {
    title: "serial.title",
    help: "help.serial",
    whole: true,
    typing: () => true,
    enter() {
      if (isHere) return;
      isHere = true;
      phase = "opening";
      isAsking = false;
      emulator = new Emulator(usual.width, usual.height);
      void open();
    },
    leave() {
      isHere = false;
      const leaving = line;
      line = undefined;
      leaving?.destroy();
      emulator.close();
    },
    bytes(bytes) {
      const [first] = bytes;
      if (first === undefined) return;
      if (phase !== "open") {
        if (first === leaveByte || first === enter || first === escape) control.close(screen);
        return;
      }
      if (isAsking) {
        answer(first);
        control.redraw();
        return;
      }
      const at = bytes.indexOf(leaveByte);
      type(at < 0 ? bytes : bytes.subarray(0, at));
      if (at < 0) return;
      isAsking = true;
      screen.bytes?.(bytes.subarray(at + 1));
      control.redraw();
    },
    draw(canvas, { t }) {
      emulator.resize(Math.max(usual.width, canvas.width), Math.max(usual.height, canvas.height - 1));
      emulator.draw(canvas.part(0, 0, canvas.width, canvas.height - 1));
      const y = canvas.height - 1;
      const bar = canvas.part(0, y, canvas.width, 1);
      bar.clear("bar");
      const key: MessageKey = isAsking ? "serial.asking" : `serial.${phase}`;
      const words = t(key, { why });
      const room = canvas.width - displayWidth(words) - 4;
      if (room >= 4) bar.text(1, 0, name, "bar", room);
      bar.textRight(canvas.width - 1, 0, words, "bar");
    },
    key: () => true,
  };
  return screen;
}
