import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import type { Field } from "../widgets/fields.ts";
import { Form, type FormOptions } from "../widgets/form.ts";

/** A form whose answers are all there already: its button has the focus, so that Enter goes on. */
export class ReadyForm extends Form {
  constructor(options: FormOptions) {
    super(options);
    this.toButton();
  }

  /** As newly opened. */
  restart(): void {
    this.reset();
    this.toButton();
  }

  private toButton(): void {
    // The button stands before the first field in the ring of the form.
    this.key({ name: "backtab" });
  }
}

export type PickFieldOptions = {
  label: () => string;
  hint: () => string;
  when?: () => boolean;
  text: () => string;
  error?: () => string | undefined;
  /** Opens the list to pick from. */
  onPick: () => void;
};

/** A value out of a list that is too long to go through: Left, Right or Space opens it. */
export class PickField implements Field {
  readonly label: () => string;
  readonly hint: () => string;
  readonly when?: () => boolean;
  readonly width = 44;
  readonly typing = false;
  readonly #options: PickFieldOptions;

  constructor(options: PickFieldOptions) {
    this.label = options.label;
    this.hint = options.hint;
    if (options.when !== undefined) this.when = options.when;
    this.#options = options;
  }

  error(): string | undefined {
    return this.#options.error?.();
  }

  key(key: Key): boolean {
    if (key.name !== "left" && key.name !== "right" && !(key.name === "char" && key.text === " ")) return false;
    this.#options.onPick();
    return true;
  }

  draw(canvas: Canvas, _t: Translate, focused: boolean): void {
    canvas.text(0, 0, `< ${this.#options.text()} >`, focused ? "focus" : "text");
    if (focused) canvas.cursor(0, 0);
  }
}
