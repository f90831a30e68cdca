import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { displayWidth, wrap } from "../terminal/width.ts";
import type { Field } from "./fields.ts";
import { drawMarks, keepVisible } from "./scroll.ts";

export type FormOptions = {
  fields: readonly Field[];
  /** What the button says. */
  submit: () => string;
  /** A rule over several fields; asked only once each field by itself is right. */
  validate?: () => string | undefined;
  /**
   * Enter on the button or on the last field, when nothing is wrong. While a promise that it returns is open the form
   * takes no keys, so that nothing is sent twice.
   */
  onSubmit: () => void | Promise<unknown>;
};

/** Lines at the foot of a form: one for a message and the marks, and a blank one above. */
const leastFoot = 2;

/** A line of the form as it is drawn: a field with what is wrong with it below, or the button. */
type Block = { field: Field | undefined; y: number; error: string | undefined; below: readonly string[] };

/**
 * Fields below each other and a button. Tab, Shift-Tab, Up and Down move in a ring, Enter goes on and submits at the
 * end. A field's error shows once the field was left; a submit shows all of them and goes to the first.
 */
export class Form {
  readonly #options: FormOptions;
  /** The field with the focus; undefined is the button. */
  #focus: Field | undefined;
  readonly #touched = new Set<Field>();
  #submitted = false;
  #refusal: string | undefined;
  #busy = false;
  #top = 0;
  /** The room of the last frame, and how much of it the foot took. */
  #room = { width: 80, height: 20 };
  #footHeight = leastFoot;

  constructor(options: FormOptions) {
    this.#options = options;
    this.#focus = this.#fields[0];
  }

  /** True while what was submitted is on its way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** True while typed characters are a field's text. */
  get typing(): boolean {
    return this.#focused?.typing ?? false;
  }

  /**
   * Says why what was submitted was refused, until the next change; the focus goes to the field that is to blame. The
   * entries had no errors of their own then, so none are shown until they are left or submitted again.
   */
  refuse(reason: string, field?: Field): void {
    this.#refusal = reason;
    this.#endEntries();
    if (field !== undefined) this.#focus = field;
    this.#touched.clear();
    this.#submitted = false;
    this.#settle();
  }

  /** As newly opened, but for the fields' values. */
  reset(): void {
    this.#touched.clear();
    this.#submitted = false;
    this.#refusal = undefined;
    this.#focus = this.#fields[0];
    this.#top = 0;
  }

  key(key: Key): boolean {
    if (this.#busy) return key.name !== "esc";
    const focused = this.#focused;
    if (focused?.key(key) === true) {
      this.#refusal = undefined;
      this.#settle();
      return true;
    }
    switch (key.name) {
      case "tab":
      case "down":
        this.#step(1);
        return true;
      case "backtab":
      case "up":
        this.#step(-1);
        return true;
      case "enter":
        if (focused === undefined || focused === this.#fields.at(-1)) this.#submit();
        else this.#step(1);
        return true;
      default:
        return false;
    }
  }

  draw(canvas: Canvas, t: Translate): void {
    this.#room = { width: canvas.width, height: canvas.height };
    const { blocks, labelWidth, fieldX, total } = this.#layout();
    this.#footHeight = this.#footHeightFor(t, total);
    const room = this.#bodyHeight();
    const top = this.#topFor(blocks, total);
    const body = canvas.part(0, 0, canvas.width, room);
    for (const block of blocks) this.#drawBlock(body, block, block.y - top, labelWidth, fieldX, t);
    this.#drawFoot(canvas.part(0, room), t, top, Math.max(total - room - top, 0));
  }

  #drawBlock(body: Canvas, block: Block, y: number, labelWidth: number, fieldX: number, t: Translate): void {
    const { field, error, below } = block;
    if (field === undefined) {
      const focused = this.#focused === undefined;
      if (y < 0 || y >= body.height) return;
      body.text(fieldX, y, `[ ${this.#options.submit()} ]`, this.#busy ? "dim" : focused ? "selected" : "text");
      if (focused && !this.#busy) body.cursor(fieldX + 2, y);
      return;
    }
    if (y >= 0 && y < body.height) {
      const focused = this.#focused === field;
      body.text(0, y, field.label(), focused ? "strong" : "text", labelWidth);
      const width = Math.min(field.width, body.width - fieldX);
      field.draw(body.part(fieldX, y, width, 1), t, focused && !this.#busy);
      if (error !== undefined && below.length === 0) body.text(fieldX + width + 2, y, error, "bad");
    }
    below.forEach((line, i) => body.text(fieldX, y + 1 + i, line, "bad"));
  }

  #drawFoot(foot: Canvas, t: Translate, above: number, below: number): void {
    if (foot.height < 1) return;
    const y = foot.height - 1;
    const end = drawMarks(foot, y, above, below, t);
    const message = this.#message(t);
    if (message === undefined) return;
    const lines = wrap(message.text, foot.width);
    // Beside the marks, or where it is too long for that above them.
    const isBeside = end > 0 && lines.length === 1 && end + 3 + displayWidth(message.text) <= foot.width;
    const last = end > 0 && !isBeside ? y - 1 : y;
    lines.forEach((line, i) => {
      foot.text(isBeside ? end + 3 : 0, last - lines.length + 1 + i, line, message.style);
    });
  }

  /** A refusal may be a long sentence whose end says what to do: it takes the lines that it needs. */
  #footHeightFor(t: Translate, total: number): number {
    const { width, height } = this.#room;
    const lines = wrap(this.#message(t)?.text ?? "", width).length;
    const needed = Math.max(lines, leastFoot);
    const withMarks = lines > 1 && total > height - needed ? Math.max(lines + 1, leastFoot) : needed;
    return Math.min(withMarks, Math.max(height - 1, 0));
  }

  #message(t: Translate): { text: string; style: "bad" | "dim" } | undefined {
    if (this.#busy) return { text: t("widget.form.busy"), style: "dim" };
    if (this.#refusal !== undefined) return { text: this.#refusal, style: "bad" };
    if (this.#submitted) {
      const count = this.#fields.filter((field) => field.error() !== undefined).length;
      if (count === 1) return { text: t("widget.form.error"), style: "bad" };
      if (count > 1) return { text: t("widget.form.errors", { count }), style: "bad" };
      const overall = this.#options.validate?.();
      if (overall !== undefined) return { text: overall, style: "bad" };
    }
    const focused = this.#focused;
    const hint = focused?.hint?.() ?? (focused !== undefined && !focused.typing ? t("widget.change") : undefined);
    return hint === undefined ? undefined : { text: hint, style: "dim" };
  }

  #submit(): void {
    this.#submitted = true;
    this.#refusal = undefined;
    this.#endEntries();
    const wrong = this.#fields.find((field) => field.error() !== undefined);
    if (wrong !== undefined) {
      this.#moveTo(wrong);
      return;
    }
    if (this.#options.validate?.() !== undefined) return;
    const pending = this.#options.onSubmit();
    if (!(pending instanceof Promise)) return;
    this.#busy = true;
    const done = () => {
      this.#busy = false;
    };
    // Whoever submits tells the person about a failure; here it only ends the waiting.
    pending.then(done, done);
  }

  #endEntries(): void {
    for (const field of this.#options.fields) field.endEntry?.();
  }

  /** The fields that have a meaning now. */
  get #fields(): readonly Field[] {
    return this.#options.fields.filter((field) => field.when?.() !== false);
  }

  /** The field with the focus, or its neighbour if it has lost its meaning. */
  get #focused(): Field | undefined {
    const focus = this.#focus;
    if (focus === undefined || focus.when?.() !== false) return focus;
    return this.#options.fields.slice(this.#options.fields.indexOf(focus)).find((field) => field.when?.() !== false);
  }

  #step(by: 1 | -1): void {
    const ring: readonly (Field | undefined)[] = [...this.#fields, undefined];
    const at = ring.indexOf(this.#focused);
    this.#moveTo(ring[(at + by + ring.length) % ring.length]);
  }

  #moveTo(field: Field | undefined): void {
    const left = this.#focused;
    if (left !== undefined && left !== field) {
      this.#touched.add(left);
      left.endEntry?.();
    }
    this.#focus = field;
    this.#settle();
  }

  #settle(): void {
    const { blocks, total } = this.#layout();
    this.#top = this.#topFor(blocks, total);
  }

  #topFor(blocks: readonly Block[], total: number): number {
    const focused = blocks.find((block) => block.field === this.#focused);
    if (focused === undefined) return 0;
    // The first field brings the start of the form into sight, the button its end.
    const to = focused.field === undefined ? total - 1 : focused.y + focused.below.length;
    return keepVisible(this.#top, focused.y, to, this.#bodyHeight(), total);
  }

  /** Lines for fields: all but those at the foot, for a message and the marks. */
  #bodyHeight(): number {
    return Math.max(this.#room.height - this.#footHeight, Math.min(this.#room.height, 1));
  }

  #layout(): { blocks: Block[]; labelWidth: number; fieldX: number; total: number } {
    const { width } = this.#room;
    const fields = this.#fields;
    const widest = Math.max(0, ...fields.map((field) => displayWidth(field.label())));
    const labelWidth = Math.min(widest, Math.floor(width * 0.4));
    const fieldX = labelWidth + 2;
    const blocks: Block[] = [];
    let y = 0;
    for (const field of fields) {
      const error = this.#submitted || this.#touched.has(field) ? field.error() : undefined;
      const beside = width - fieldX - field.width - 2;
      const below =
        error === undefined || displayWidth(error) <= beside ? [] : wrap(error, Math.max(width - fieldX, 1));
      blocks.push({ field, y, error, below });
      y += 1 + below.length;
    }
    blocks.push({ field: undefined, y: y + 1, error: undefined, below: [] });
    return { blocks, labelWidth, fieldX, total: y + 2 };
  }
}
