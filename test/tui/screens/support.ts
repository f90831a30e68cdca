import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Client } from "../../../core/api/client.ts";
import { NodeError } from "../../../core/model/error.ts";
import { type Facts, factNames, missingFacts } from "../../../core/model/facts.ts";
import type { Reading } from "../../../core/model/reading.ts";
import type { Language } from "../../../core/model/records.ts";
import { whyOf } from "../../../core/node/facts/source.ts";
import { allSources } from "../../../core/node/facts/sources.ts";
import { fixtureMachine, recordedCloud, recording } from "../../../core/node/fixture.ts";
import { errorText } from "../../../tui/error-text.ts";
import { drawFrame } from "../../../tui/frame.ts";
import { loadCatalogue, translator } from "../../../tui/i18n/catalogue.ts";
import { PasswordWait } from "../../../tui/password-wait.ts";
import type { Control, Screen, View } from "../../../tui/screens/screen.ts";
import { initialState, type State } from "../../../tui/state.ts";
import { asciiGlyphs, Canvas, Cells, type Style } from "../../../tui/terminal/canvas.ts";
import { root } from "../../support/programs.ts";
import { blockGlyphs } from "../widgets/support.ts";

export type Recorded = { facts: Facts; now: number };

const known = new Map<string, Promise<Recorded>>();

/** All facts of a recorded machine, as a session gets them, and the moment of the recording. Read once. */
export function recordedFacts(machine: string): Promise<Recorded> {
  const read = known.get(machine) ?? readFacts(machine);
  known.set(machine, read);
  return read;
}

async function readFacts(machine: string): Promise<Recorded> {
  const path = join(root, "test/fixtures/machines", `${machine}.json`);
  const recorded = recording.parse(JSON.parse(readFileSync(path, "utf8")));
  const now = recorded.now;
  const from = fixtureMachine(recorded);
  const sources = allSources(recordedCloud(recorded));
  const facts = missingFacts({ code: "pending", detail: "" }, now);
  for (const name of factNames) {
    const reading: Reading<unknown> = await sources[name].read(from, new AbortController().signal).then(
      (value) => ({ state: "value", at: now, value }),
      (error: unknown) => ({ state: "missing", at: now, why: whyOf(error) }),
    );
    Object.assign(facts, { [name]: reading });
  }
  return { facts, now };
}

/** A client without an agent: `answer` gets the name of each call and its request. What it throws is the refusal. */
export function clientOf(answer: (call: string, request: unknown) => unknown): Client {
  const client = new Client({ socketPath: "/nowhere", console: "tty1" });
  return Object.assign(client, { call: async (name: string, request: unknown) => answer(name, request) });
}

export type Bed = {
  control: Control;
  /** The screens that were opened, the newest last. */
  opened: Screen[];
  /** Changes what the console knows; the screen on top is told. */
  change(facts: Partial<Facts>): void;
  /** The same for anything but facts. */
  know(state: Partial<State>): void;
  /** Lets so much time pass on the clock that never jumps. */
  pass(ms: number): void;
  /** What was last said at the foot of the screen. */
  notice(): string;
  /** The whole console with this screen on top. */
  frame(screen: Screen, width: number, height: number): Cells;
  lines(screen: Screen, width?: number, height?: number): string[];
};

export type BedOptions = Recorded & { language?: Language; rich?: boolean; state?: Partial<State>; client?: Client };

/** A console without a terminal and without an agent: screens open, draw and take keys. */
export async function bed(options: BedOptions): Promise<Bed> {
  const t = translator(options.language ?? "en", await loadCatalogue(options.language ?? "en"));
  let state: State = {
    ...initialState("tty1"),
    connection: { state: "up" },
    facts: options.facts,
    unlocked: true,
    ...options.state,
  };
  const opened: Screen[] = [];
  let monotonic = 0;
  let notice = "";
  const view = (): View => ({ t, state, now: options.now, monotonic });
  const control: Control = {
    view,
    client: options.client ?? new Client({ socketPath: "/nowhere", console: "tty1" }),
    open(screen) {
      opened.push(screen);
      screen.enter?.();
    },
    close(screen) {
      const at = opened.indexOf(screen);
      if (at >= 0) for (const closing of opened.splice(at).reverse()) closing.leave?.();
      opened.at(-1)?.enter?.();
    },
    replace(screen, next) {
      if (opened.at(-1) !== screen) return;
      screen.leave?.();
      opened.splice(-1, 1, next);
      next.enter?.();
    },
    goHome() {
      for (const closing of opened.splice(0).reverse()) closing.leave?.();
    },
    redraw() {},
    notify(text) {
      notice = text;
    },
    attempt: (action) => action(),
    describe: (error) => (error instanceof NodeError ? errorText(t, error) : String(error)),
    passwordWait: new PasswordWait(() => 0),
    unlocked() {},
    setLanguage: async () => {},
    canShow: () => true,
    canChart: () => false,
    toggleProfile() {},
    quit() {},
    canQuit: true,
  };
  const frame = (screen: Screen, width: number, height: number) => {
    const cells = new Cells(width, height);
    drawFrame(Canvas.on(cells, options.rich ? blockGlyphs : asciiGlyphs), view(), screen, undefined, true);
    return cells;
  };
  return {
    control,
    opened,
    change(facts) {
      state = { ...state, facts: { ...state.facts, ...facts } };
      opened.at(-1)?.changed?.();
    },
    know(more) {
      state = { ...state, ...more };
      opened.at(-1)?.changed?.();
    },
    pass(ms) {
      monotonic += ms;
    },
    notice: () => notice,
    frame,
    lines: (screen, width = 80, height = 24) => frame(screen, width, height).toLines(),
  };
}

/** Lets answers come until `holds`; a client of `clientOf` needs a few turns of the loop. Fails with the screen. */
export async function untilAnswered(holds: () => boolean, text: () => string): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    assert.ok(turn < 1_000, `never came:\n${text()}`);
    await setImmediate();
  }
}

/** The style of the first cell of a text on the screen; undefined when it is not there. */
export function styleOf(cells: Cells, text: string): Style | undefined {
  const { width } = cells;
  for (let y = 0; y < cells.height; y++) {
    const at = cells.chars
      .slice(y * width, (y + 1) * width)
      .map((char) => char || "\0")
      .join("")
      .indexOf(text);
    if (at >= 0) return cells.styles[y * width + at];
  }
  return undefined;
}
