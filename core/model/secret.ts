const mask = "[secret]";
const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * A password or token that can't be printed by accident: String(), template literals, JSON, util.inspect and loggers
 * all show `[secret]`. Only `reveal()` gives it away, so a search for that word finds every place that uses one.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself, for the one call that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  /** `"" + secret` and template literals; a number never comes out of a password. */
  [Symbol.toPrimitive](): string {
    return mask;
  }

  [inspect](): string {
    return mask;
  }
}
