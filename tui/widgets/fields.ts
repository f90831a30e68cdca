import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { type InputOptions, TextInput } from "./input.ts";

/** One line of a form. A screen keeps its fields and reads their `value`. */
export type Field = {
  readonly label: () => string;
  /** What may be entered here; shown at the foot of the form while the field has the focus. */
  readonly hint?: () => string;
  /** False while the field has no meaning, for instance an address when DHCP gives one: it is neither shown nor checked. */
  readonly when?: () => boolean;
  /** Why the value can't be taken, in a sentence; undefined when it can. */
  error(): string | undefined;
  key(key: Key): boolean;
  /** The field was left, or what it holds was sent or refused: a text that nobody sees is not added to after that. */
  endEntry?(): void;
  draw(canvas: Canvas, t: Translate, focused: boolean): void;
  /** Cells that the field takes at most. */
  readonly width: number;
  /** True when typed characters are its text. */
  readonly typing: boolean;
};

type Common<V> = {
  label: () => string;
  hint?: () => string;
  when?: () => boolean;
  /** A sentence when the value can't be taken. Called at every key, so it must be quick. */
  validate?: (value: V) => string | undefined;
};

export type TextFieldOptions = Common<string> & InputOptions & { placeholder?: () => string; width?: number };

/** A line of text; with `masked`, a password. */
export class TextField implements Field {
  readonly label: () => string;
  readonly hint?: () => string;
  readonly when?: () => boolean;
  readonly width: number;
  readonly typing = true;
  readonly #options: TextFieldOptions;
  readonly #input: TextInput;

  constructor(options: TextFieldOptions) {
    this.label = options.label;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.when !== undefined) this.when = options.when;
    this.width = options.width ?? Math.min((options.maxLength ?? 40) + 1, 40);
    this.#options = options;
    this.#input = new TextInput(options);
  }

  get value(): string {
    return this.#input.value;
  }

  set(value: string): void {
    this.#input.set(value);
  }

  clear(): void {
    this.#input.clear();
  }

  endEntry(): void {
    this.#input.endEntry();
  }

  error(): string | undefined {
    return this.#options.validate?.(this.value);
  }

  key(key: Key): boolean {
    return this.#input.key(key);
  }

  draw(canvas: Canvas, _t: Translate, focused: boolean): void {
    const placeholder = this.#options.placeholder?.();
    this.#input.draw(canvas, placeholder === undefined ? { focused } : { focused, placeholder });
  }
}

export type ChoiceOption<V> = { value: V; text: () => string };
export type ChoiceFieldOptions<V> = Common<V> & {
  options: readonly [ChoiceOption<V>, ...ChoiceOption<V>[]];
  value?: V;
  width?: number;
};

/** One of a few values; Left and Right (or Space) go through them. */
export class ChoiceField<V> implements Field {
  readonly label: () => string;
  readonly hint?: () => string;
  readonly when?: () => boolean;
  readonly width: number;
  readonly typing = false;
  readonly #options: ChoiceFieldOptions<V>;
  #index: number;

  constructor(options: ChoiceFieldOptions<V>) {
    this.label = options.label;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.when !== undefined) this.when = options.when;
    this.width = options.width ?? 40;
    this.#options = options;
    this.#index = Math.max(
      options.options.findIndex((option) => option.value === options.value),
      0,
    );
  }

  get value(): V {
    return this.#option.value;
  }

  set(value: V): void {
    const index = this.#options.options.findIndex((option) => option.value === value);
    if (index >= 0) this.#index = index;
  }

  error(): string | undefined {
    return this.#options.validate?.(this.value);
  }

  key(key: Key): boolean {
    const by = directionOf(key);
    if (by === 0) return false;
    const count = this.#options.options.length;
    this.#index = (this.#index + by + count) % count;
    return true;
  }

  draw(canvas: Canvas, _t: Translate, focused: boolean): void {
    canvas.text(0, 0, `< ${this.#option.text()} >`, focused ? "focus" : "text");
    if (focused) canvas.cursor(0, 0);
  }

  get #option(): ChoiceOption<V> {
    const { options } = this.#options;
    return options[this.#index] ?? options[0];
  }
}

export type ToggleFieldOptions = Common<boolean> & { value?: boolean; width?: number };

/** Yes or no. */
export class ToggleField extends ChoiceField<boolean> {
  constructor(options: ToggleFieldOptions) {
    super({
      width: 12,
      ...options,
      options: [
        { value: false, text: () => "" },
        { value: true, text: () => "" },
      ],
    });
  }

  override draw(canvas: Canvas, t: Translate, focused: boolean): void {
    const text = `[${this.value ? "x" : " "}] ${t(this.value ? "widget.on" : "widget.off")}`;
    canvas.text(0, 0, text, focused ? "focus" : "text");
    if (focused) canvas.cursor(1, 0);
  }
}

function directionOf(key: Key): number {
  if (key.name === "right") return 1;
  if (key.name === "left") return -1;
  return key.name === "char" && key.text === " " ? 1 : 0;
}
