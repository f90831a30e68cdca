import type { Client } from "../../core/api/client.ts";
import type { Language } from "../../core/model/records.ts";
import type { MessageKey, Translate } from "../i18n/catalogue.ts";
import type { PasswordWait } from "../password-wait.ts";
import type { State } from "../state.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";

/** What a screen may look at while it draws. Nothing in it can be changed from there. */
export type View = {
  readonly t: Translate;
  readonly state: State;
  /** The node's time now; milliseconds since the epoch. */
  readonly now: number;
  /** A clock that never jumps, for what counts down; milliseconds from any start. */
  readonly monotonic: number;
};

/** What a screen may do when a key comes. */
export type Control = {
  readonly view: () => View;
  readonly client: Client;
  /** Opens a screen on top of this one. */
  open(screen: Screen): void;
  /** Closes the screen, and whatever lies on top of it; closing the home screen does nothing. */
  close(screen: Screen): void;
  /** Puts another screen in the place of this one. */
  replace(screen: Screen, next: Screen): void;
  /** Back to the home screen; ends the session. */
  goHome(): void;
  /** Asks for another frame: something that is drawn has changed. */
  redraw(): void;
  /** One line at the foot of the screen, until the next key. */
  notify(text: string, style?: "good" | "warn" | "bad"): void;
  /**
   * Runs an asynchronous action and tells the person when it fails, in their language. Resolves to undefined then.
   * Nothing in it may throw past this.
   */
  attempt<T>(action: () => Promise<T>): Promise<T | undefined>;
  /** The sentence for an error, in the language of this console. */
  describe(error: unknown): string;
  /** How long passwords of this console are not checked. */
  readonly passwordWait: PasswordWait;
  /** The password was right: this console holds a session from now on. */
  unlocked(token: string): void;
  setLanguage(language: Language): Promise<void>;
  /** Whether this console has the glyphs of a language. */
  canShow(language: Language): boolean;
  /** Whether this console has the glyphs of line charts. */
  canChart(): boolean;
  /** Switches this console between rich and basic. */
  toggleProfile(): void;
  /** Leaves the program, where this console allows it. */
  quit(): void;
  readonly canQuit: boolean;
};

/** A key that the footer names, with what it does; a `spare` one only where everything else has its room. */
export type Hint = readonly [key: string, what: MessageKey, room?: "spare"];

/**
 * One screen: a view of the state plus its own, and its key handlers. `draw` never changes anything and never throws on
 * missing values; it gets the room between header and footer. A screen is made when it is opened and forgotten when it
 * is closed.
 */
export type Screen = {
  readonly title: MessageKey;
  /** Names the screen's help text: keys first, then what it is for. */
  readonly help: MessageKey;
  draw(canvas: Canvas, view: View): void;
  /** Returns false when the key means nothing here, so that Esc, F1, F2 and the like keep their usual meaning. */
  key(key: Key): boolean;
  hints?(): readonly Hint[];
  /** It has the whole terminal, without header and footer, and says itself which keys lead out. */
  readonly whole?: true;
  /** It takes what is typed as the terminal sends it, in place of keys; nothing of it means anything else then. */
  bytes?(bytes: Uint8Array): void;
  /** True while characters are text for a field: digits are digits then, and letters no commands. */
  typing?(): boolean;
  /** The state has changed while the screen is on top. */
  changed?(): void;
  /** Opened, or uncovered again. */
  enter?(): void;
  /** Closed: stop streams and timers. The screen may be entered again (an Esc that was half of Esc + digit). */
  leave?(): void;
};
