import type { Key, NamedKey } from "./key.ts";
import { PasteCollector, pasteText } from "./paste.ts";
import { controlSequence, linuxFunctionKey, singleShift, twinKey } from "./sequences.ts";

/** A lone ESC is the Esc key when nothing has followed for this long. */
const escapeWaitMs = 50;
/** A sequence that has begun may pause this long on a bad line; then it is dropped whole. */
const sequenceWaitMs = 500;
/** Silence after which a bracketed paste counts as finished although its end marker never came. */
const pasteWaitMs = 2000;
/** After an ESC that was taken for the Esc key, the rest of its sequence may still come this late. */
const lateMs = 300;
/** Characters closer than this come from a machine when there are `burstLength` of them: nobody types 20 keys a second. */
const burstGapMs = 50;
const burstLength = 8;
const longestParameters = 64;
const longestBurst = 1 << 20;

const ESC = 0x1b;

type State =
  | "ground"
  | "escape"
  | "control" // after ESC [
  | "linux" // after ESC [ [
  | "shift" // after ESC O
  | "lateShift" // an O shortly after an ESC that was taken for the Esc key
  | "string" // OSC, DCS, APC, PM, SOS
  | "stringEscape"
  | "mouse" // three bytes after ESC [ M
  | "utf8"
  | "paste";

const waitMs: Readonly<Record<State, number | null>> = {
  ground: null,
  escape: escapeWaitMs,
  control: sequenceWaitMs,
  linux: sequenceWaitMs,
  shift: sequenceWaitMs,
  lateShift: escapeWaitMs,
  string: sequenceWaitMs,
  stringEscape: sequenceWaitMs,
  mouse: sequenceWaitMs,
  utf8: sequenceWaitMs,
  paste: pasteWaitMs,
};

/**
 * Turns what a terminal sends into keys. What comes out depends on the bytes and on the time between them, never on
 * how reads happen to split them. It has no timer and reads no clock: after each call ask `pendingMs` and call
 * `timeout` when that much time has passed without another `push`.
 *
 * A paste that comes without brackets (serial lines, VNC) looks like typing. Its Enter must not confirm anything, so
 * an Enter that follows a burst of at least 8 characters is held for 50 ms: when more text comes in that time, the
 * line break and all that follows in the burst become one `paste` key; otherwise it was the Enter at the end of a line
 * (a person's single-line paste, a script) and is given as such. The characters before stay characters.
 */
export class Decoder {
  #state: State = "ground";
  #keys: Key[] = [];
  #now = 0;
  #parameters = "";
  #swallow = false;
  #lateUntil = Number.NEGATIVE_INFINITY;
  #mouseBytes = 0;
  #utf8: number[] = [];
  #paste = new PasteCollector();
  #burstCount = 0;
  #textAt = Number.NEGATIVE_INFINITY;
  #returnAt = Number.NEGATIVE_INFINITY;
  /** Line breaks after a burst of text, of which is not known yet whether they are an Enter. */
  #held = "";
  #burst = "";

  /** What each state does with the next byte. */
  readonly #read: Readonly<Record<State, (byte: number) => void>> = {
    ground: (byte) => this.#ground(byte),
    escape: (byte) => this.#escape(byte),
    control: (byte) => this.#control(byte),
    linux: (byte) => this.#finish(byte, linuxFunctionKey),
    shift: (byte) => this.#shift(byte),
    lateShift: (byte) => this.#lateShift(byte),
    string: (byte) => this.#string(byte),
    stringEscape: (byte) => this.#stringEscape(byte),
    mouse: (byte) => this.#mouse(byte),
    utf8: (byte) => this.#continueUtf8(byte),
    paste: (byte) => {
      if (this.#paste.add(byte)) this.#emitPaste(this.#paste.take());
    },
  };

  /** `now`: milliseconds of any clock that never steps back. Without it time stands still. */
  push(bytes: Uint8Array, now = this.#now): Key[] {
    this.#keys = [];
    this.#now = now;
    if (now - this.#textAt > burstGapMs) this.#endBurst();
    const late = now <= this.#lateUntil;
    let index = 0;
    if (bytes.length > 0) {
      this.#lateUntil = Number.NEGATIVE_INFINITY;
      if (late && this.#state === "ground" && this.#startLate(bytes[0])) index = 1;
    }
    for (; index < bytes.length; index++) this.#read[this.#state](bytes[index] ?? 0);
    return this.#keys;
  }

  /** How long to wait for more bytes before calling `timeout`; null when nothing is pending. */
  pendingMs(): number | null {
    return waitMs[this.#state] ?? (this.#held !== "" || this.#burst !== "" ? burstGapMs : null);
  }

  /** Nothing came for `pendingMs`: what is pending becomes a key or is dropped. */
  timeout(now = this.#now): Key[] {
    this.#keys = [];
    this.#now = now;
    const state = this.#state;
    this.#state = "ground";
    if (state === "escape") {
      this.#key("esc");
      this.#lateUntil = now + lateMs;
    } else if (state === "lateShift") this.#text("O");
    else if (state === "paste") this.#emitPaste(this.#paste.take());
    else if (state === "ground") this.#endBurst();
    return this.#keys;
  }

  #ground(byte: number): void {
    if (byte === ESC) {
      this.#endBurst();
      this.#state = "escape";
    } else if (byte < 0x20 || byte === 0x7f) this.#controlCharacter(byte);
    else if (byte < 0x7f) this.#text(String.fromCharCode(byte));
    // The 8-bit forms of ESC [ and ESC O; no character of UTF-8 begins with them.
    else if (byte === 0x9b) this.#enterControl();
    else if (byte === 0x8f) this.#enterShift();
    else if (byte >= 0xc2 && byte <= 0xf4) this.#startUtf8(byte, false);
  }

  #controlCharacter(byte: number): void {
    if (byte === 0x0d || byte === 0x0a) this.#lineBreak(byte);
    else if (byte === 0x09 && (this.#held !== "" || this.#burst !== "")) this.#text("\t");
    else if (byte === 0x09) this.#key("tab");
    else if (byte === 0x08 || byte === 0x7f) this.#key("backspace");
    else if (byte >= 0x01 && byte <= 0x1a) {
      this.#endBurst();
      this.#keys.push({ name: "ctrl", letter: String.fromCharCode(byte + 0x60) });
    }
  }

  /** ESC \ ends a string; ESC with anything else is something new. */
  #stringEscape(byte: number): void {
    this.#state = "ground";
    if (byte !== 0x5c) this.#escape(byte);
  }

  #escape(byte: number): void {
    this.#state = byte === ESC ? "escape" : "ground";
    const character = String.fromCharCode(byte);
    const twin = twinKey(character);
    if (byte === ESC) this.#key("esc");
    else if (twin !== null) this.#key(twin);
    else if (character === "[") this.#enterControl();
    else if (character === "O") this.#enterShift();
    else if ("]PX^_".includes(character)) this.#state = "string";
    else if (byte >= 0xc2 && byte <= 0xf4) this.#startUtf8(byte, true);
    // Anything else is Alt with a key, which means nothing here.
  }

  #enterControl(): void {
    this.#endBurst();
    this.#state = "control";
    this.#parameters = "";
    this.#swallow = false;
  }

  #enterShift(): void {
    this.#endBurst();
    this.#state = "shift";
    this.#swallow = false;
  }

  #control(byte: number): void {
    if (byte === 0x5b && this.#parameters === "") {
      this.#state = "linux";
      return;
    }
    const shifted = byte === 0x24 && /^\d{1,2}$/.test(this.#parameters);
    if (byte >= 0x20 && byte < 0x40 && !shifted) {
      if (this.#parameters.length < longestParameters) this.#parameters += String.fromCharCode(byte);
      return;
    }
    this.#finish(byte, (final) => {
      const meaning = controlSequence(this.#parameters, final);
      if (meaning === "pasteStart") this.#state = "paste";
      else if (meaning === "mouse") {
        this.#state = "mouse";
        this.#mouseBytes = 0;
      } else return meaning;
      return null;
    });
  }

  #shift(byte: number): void {
    // Old xterms put the modifier between: ESC O 5 P.
    if ((byte >= 0x30 && byte <= 0x39) || byte === 0x3b) return;
    this.#finish(byte, (final) => {
      const meaning = singleShift(final);
      if (meaning !== null && "text" in meaning) {
        if (!this.#swallow) this.#text(meaning.text);
        return null;
      }
      return meaning?.key ?? null;
    });
  }

  /** Ends a sequence with its last byte. A byte that can't be in one ends it without a meaning and is read anew. */
  #finish(byte: number, meaningOf: (final: string) => NamedKey | null): void {
    this.#state = "ground";
    if (byte < 0x20 || byte >= 0x7f) {
      this.#ground(byte);
      return;
    }
    const key = meaningOf(String.fromCharCode(byte));
    if (key !== null && !this.#swallow) this.#key(key);
  }

  #string(byte: number): void {
    if (byte === ESC) this.#state = "stringEscape";
    else if (byte === 0x07 || byte === 0x18 || byte === 0x1a) this.#state = "ground";
  }

  #mouse(byte: number): void {
    if (byte === ESC) this.#state = "escape";
    else if (++this.#mouseBytes === 3) this.#state = "ground";
  }

  /**
   * The rest of a sequence whose ESC was already given as the Esc key: the screen has changed since, so the key that
   * was meant is dropped rather than given to another screen.
   */
  #startLate(first: number | undefined): boolean {
    if (first === 0x5b) {
      this.#enterControl();
      this.#swallow = true;
      return true;
    }
    if (first === 0x4f) this.#state = "lateShift";
    return first === 0x4f;
  }

  #lateShift(byte: number): void {
    this.#state = "ground";
    if (/[A-DFHP-S]/.test(String.fromCharCode(byte))) return;
    this.#text("O");
    this.#ground(byte);
  }

  #startUtf8(byte: number, swallow: boolean): void {
    this.#state = "utf8";
    this.#utf8 = [byte];
    this.#swallow = swallow;
  }

  #continueUtf8(byte: number): void {
    if ((byte & 0xc0) !== 0x80) {
      this.#state = "ground";
      this.#ground(byte);
      return;
    }
    this.#utf8.push(byte);
    const lead = this.#utf8[0] ?? 0;
    if (this.#utf8.length < (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)) return;
    this.#state = "ground";
    // Overlong forms, surrogates and what lies beyond Unicode come out as nothing; so do the controls 0x80 to 0x9f.
    const character = pasteText(Uint8Array.from(this.#utf8));
    if (character !== "" && !this.#swallow) this.#text(character);
  }

  #text(character: string): void {
    this.#burstCount = this.#now - this.#textAt <= burstGapMs ? this.#burstCount + 1 : 1;
    this.#textAt = this.#now;
    if (this.#held === "" && this.#burst === "") this.#keys.push({ name: "char", text: character });
    else {
      this.#addToBurst(this.#held + character);
      this.#held = "";
    }
  }

  #lineBreak(byte: number): void {
    // CR LF is one Enter; a second one would answer the next question as well.
    const secondHalf = byte === 0x0a && this.#now - this.#returnAt <= burstGapMs;
    this.#returnAt = byte === 0x0d ? this.#now : Number.NEGATIVE_INFINITY;
    if (secondHalf) return;
    const inBurst = this.#burstCount >= burstLength && this.#now - this.#textAt <= burstGapMs;
    if (this.#burst !== "") this.#addToBurst("\n");
    else if (this.#held.length < longestBurst && (inBurst || this.#held !== "")) this.#held += "\n";
    else {
      this.#key("enter");
      return;
    }
    this.#textAt = this.#now;
  }

  #addToBurst(text: string): void {
    if (this.#burst.length < longestBurst) this.#burst += text;
  }

  #endBurst(): void {
    const burst = this.#burst;
    const enter = this.#held !== "";
    this.#burst = "";
    this.#held = "";
    if (burst !== "") this.#keys.push({ name: "paste", text: burst });
    else if (enter) this.#keys.push({ name: "enter" });
  }

  #key(name: NamedKey): void {
    this.#endBurst();
    this.#burstCount = 0;
    this.#keys.push({ name });
  }

  #emitPaste(text: string): void {
    this.#state = "ground";
    if (text !== "") this.#keys.push({ name: "paste", text });
  }
}
