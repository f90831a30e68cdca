import type { MessageKey, Translate } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth, wrap } from "../terminal/width.ts";
import { stepOf } from "./rows.ts";
import { drawMarks } from "./scroll.ts";

export type Button = {
  /** The letter that presses it, in lower case, the same in every language. */
  letter: string;
  text: MessageKey;
  act: () => void;
};

export type DialogOptions = {
  title: string;
  /** Paragraphs; `\n` breaks lines. */
  message: string;
  style?: "text" | "warn" | "bad";
  buttons: readonly [Button, ...Button[]];
  /** Which button Enter presses at first; the first one if absent. */
  focus?: number;
};

/**
 * A question or a message in the middle of the room: a title bar, text, buttons; no box, for each glyph of one costs
 * three bytes on a serial line. It acts once, and takes every typed character, so that nothing beneath hears it. Esc is
 * left to the screen, which closes it.
 */
export class Dialog {
  readonly #options: DialogOptions;
  #focus: number;
  #scroll = 0;
  #done = false;
  /** The room of the last frame. */
  #room = { width: 80, height: 20 };

  constructor(options: DialogOptions) {
    this.#options = options;
    this.#focus = options.focus ?? 0;
  }

  key(key: Key): boolean {
    const { buttons } = this.#options;
    if (key.name === "enter") {
      const button = buttons[this.#focus];
      if (button !== undefined) this.#once(button.act);
      return true;
    }
    if (key.name === "left" || key.name === "backtab") return this.#step(-1);
    if (key.name === "right" || key.name === "tab") return this.#step(1);
    const pressed = key.name === "char" ? buttons.find((b) => b.letter === key.text.toLowerCase()) : undefined;
    if (pressed !== undefined) {
      this.#once(pressed.act);
      return true;
    }
    const step = stepOf(key);
    if (step !== undefined) {
      const { lines, room } = this.#layout();
      const by = step.pages === true ? step.by * Math.max(room - 1, 1) : step.by;
      this.#scroll = Math.max(Math.min(this.#scroll + by, lines.length - room), 0);
      return true;
    }
    return key.name === "char" || key.name === "paste";
  }

  draw(canvas: Canvas, t: Translate): void {
    this.#room = { width: canvas.width, height: canvas.height };
    const { title, style = "text" } = this.#options;
    const { lines, room, width } = this.#layout();
    const top = Math.max(Math.min(this.#scroll, lines.length - room), 0);
    const height = Math.min(room + chrome, canvas.height);
    const box = canvas.part(
      Math.floor((canvas.width - width) / 2),
      Math.floor((canvas.height - height) / 2),
      width,
      height,
    );
    box.clear();
    box.fill({ x: 0, y: 0, width, height: 1 }, " ", "bar");
    box.text(1, 0, title, "bar", width - 2);
    lines.slice(top, top + room).forEach((line, i) => box.text(2, 2 + i, line, style, width - 4));
    const below = lines.length - room - top;
    if (top > 0 || below > 0) drawMarks(box, height - 3, top, below, t, 2);
    this.#drawButtons(box, height - 2, t);
  }

  #drawButtons(box: Canvas, y: number, t: Translate): void {
    let x = 2;
    this.#options.buttons.forEach((button, index) => {
      const style: Style = index === this.#focus ? "selected" : "text";
      if (index === this.#focus) box.cursor(x, y);
      x = box.text(x, y, `[${button.letter.toUpperCase()}] ${t(button.text)}`, style) + 3;
    });
  }

  #step(by: 1 | -1): boolean {
    const count = this.#options.buttons.length;
    this.#focus = (this.#focus + by + count) % count;
    return true;
  }

  /** Two quick presses of Y must not do it twice. */
  #once(act: () => void): void {
    if (this.#done) return;
    this.#done = true;
    act();
  }

  #layout(): { lines: string[]; room: number; width: number } {
    const { title, message } = this.#options;
    const most = Math.min(this.#room.width, 64);
    const lines = wrap(message, Math.max(most - 4, 1));
    const widest = Math.max(displayWidth(title) + 2, 36, ...lines.map((line) => displayWidth(line) + 4));
    return {
      lines,
      room: Math.max(Math.min(lines.length, this.#room.height - chrome), 1),
      width: Math.min(widest, most),
    };
  }
}

/** Lines of a dialog beside its message: title, blank, blank (or marks), buttons, blank. */
const chrome = 5;

type Asking = { title: string; message: string; style?: "text" | "warn" | "bad" };

/** A question that Y confirms. Enter presses No until the focus was moved, so that what is confirmed is meant. */
export function confirmation(asking: Asking & { onYes: () => void; onNo: () => void }): Dialog {
  const { onYes, onNo, ...rest } = asking;
  return new Dialog({
    ...rest,
    buttons: [
      { letter: "y", text: "widget.yes", act: onYes },
      { letter: "n", text: "widget.no", act: onNo },
    ],
    focus: 1,
  });
}

/** Something that has to be read; Enter closes it. */
export function message(telling: Asking & { onClose: () => void }): Dialog {
  const { onClose, ...rest } = telling;
  return new Dialog({ ...rest, buttons: [{ letter: "o", text: "widget.ok", act: onClose }] });
}

/** An error window: the sentence, what to do if that is known, and the stable code for whoever is called for help. */
export function errorDialog(error: {
  title: string;
  description: string;
  remedy?: string;
  code?: string;
  onClose: () => void;
}): Dialog {
  const paragraphs = [error.description, error.remedy, error.code].filter((part) => part !== undefined && part !== "");
  return message({ title: error.title, message: paragraphs.join("\n\n"), style: "bad", onClose: error.onClose });
}
