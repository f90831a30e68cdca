import type { InstallerClient } from "../../core/api/installer.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import type { InstallerState, InstallQuestion } from "../../core/model/installation/protocol.ts";
import type { Language } from "../../core/model/records.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import type { InstallerKey, InstallerTranslate } from "./texts.ts";

/** The draft as a console sees it: without password hashes. */
export type SeenDraft = NonNullable<InstallerState["draft"]>;

/** What a screen may look at while it draws. */
export type View = {
  readonly t: InstallerTranslate;
  readonly state: InstallerState;
  /** False while the engine is away: the state is the last one known then. */
  readonly connected: boolean;
  readonly console: string;
  /** Whether this console may change something: it leads, or nobody does yet. */
  readonly leads: boolean;
};

/** What every question may rely on: pages are shown only once the engine has told both. */
export type Known = { readonly draft: SeenDraft; readonly hardware: Hardware };

/** What a screen may do when a key comes. */
export type Control = {
  readonly view: () => View;
  readonly known: () => Known;
  readonly client: Pick<InstallerClient, "call">;
  /** Opens a screen on top of the page. */
  open(screen: Screen): void;
  close(screen: Screen): void;
  /** To the next page, the one before, or a certain one. */
  next(): void;
  back(): void;
  goTo(page: InstallQuestion): void;
  redraw(): void;
  /** One line at the foot of the screen, until the next key. */
  notify(text: string, style?: Style): void;
  /** Runs a call and tells the person when it fails. Resolves to whether it went well. Keys wait meanwhile. */
  attempt(action: () => Promise<unknown>): Promise<boolean>;
  /** The sentence for an error, in the language of this console. */
  describe(error: unknown): string;
  /** Resolves when the engine's draft is as `holds` says, or after a moment: a problem that it tells comes with that. */
  settled(holds: (draft: SeenDraft) => boolean): Promise<void>;
  /** Shows another language at once, before the engine knows of it. */
  preview(language: Language): void;
  /** Whether this console has the glyphs of a language. */
  canShow(language: Language): boolean;
};

/** A key that the footer names, with what it does; a `spare` one only where everything else has its room. */
export type Hint = readonly [key: string, what: InstallerKey, room?: "spare"];

/** As a screen of the console: `draw` gets the room between header and footer, and never changes anything. */
export type Screen = {
  readonly title: InstallerKey;
  readonly help: InstallerKey;
  draw(canvas: Canvas, view: View): void;
  /** False when the key means nothing here, so that Esc, F1 and F4 keep their usual meaning. */
  key(key: Key): boolean;
  hints?(): readonly Hint[];
  /** True while characters are text for a field. */
  typing?(): boolean;
  /** The engine's state has changed while the screen is on top. */
  changed?(): void;
  /** Opened, or uncovered again. */
  enter?(): void;
  leave?(): void;
};
