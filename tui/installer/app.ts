import type { InstallerClient } from "../../core/api/installer.ts";
import { NodeError } from "../../core/model/error.ts";
import { type InstallerState, type InstallQuestion, installQuestions } from "../../core/model/installation/protocol.ts";
import type { Language } from "../../core/model/records.ts";
import { errorText } from "../error-text.ts";
import { EscapeDigits } from "../escape-digits.ts";
import { tooSmall } from "../frame.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { answersOf } from "./answers.ts";
import { drawFrame, type Notice } from "./frame.ts";
import type { Control, Known, Screen, SeenDraft, View } from "./screen.ts";
import { helpScreen } from "./screens/help.ts";
import { phaseScreens, questionPages } from "./screens/index.ts";
import { englishTexts, loadTexts } from "./texts.ts";

/** What the app needs of the terminal that it runs on. */
export type Display = {
  readonly canShowChinese: boolean;
  redraw(): void;
  toggleProfile(): "rich" | "basic";
};

export type AppOptions = {
  client: Pick<InstallerClient, "call" | "open" | "close">;
  console: string;
  /** Milliseconds of a clock that never steps back. */
  monotonic: () => number;
};

/** How long a change is given to come back in the engine's state before the console goes on without it. */
const settleMs = 1_000;

const nothingKnown: InstallerState = {
  version: "",
  phase: "probing",
  leader: null,
  question: "locale",
  hardware: null,
  draft: null,
  problems: [],
  plan: [],
  progress: null,
  failure: null,
  refusal: [],
  medium: { check: "skipped", share: 0, file: null },
  log: [],
  vnc: null,
};

/** Where a person was before a key: what an Esc gives back when it was half of Esc + digit. */
type Place = { page: InstallQuestion; overlays: readonly Screen[] };
type Made = { screen: Screen; from: string };

/** One console of the installer: which page it shows, what a key does, and what the engine's news change. */
export class InstallerApp {
  #state: InstallerState = nothingKnown;
  #known: Known | undefined;
  #connected = false;
  #lost: NodeError | undefined;
  #t = englishTexts();
  #language: Language = "en";
  /** A language that is looked at before the engine has it. */
  #preview: Language | undefined;
  #page: InstallQuestion = "locale";
  /** Nothing has been heard of the engine yet. */
  #isNew = true;
  readonly #made = new Map<InstallQuestion, Made>();
  #overlays: readonly Screen[] = [];
  #phaseScreen: { phase: string; screen: Screen } | undefined;
  /** The page, or the screen of the phase, that was entered last; overlays lie on top of it. */
  #shown: Screen | undefined;
  #notice: Notice | undefined;
  #busy = 0;
  #display: Display | undefined;
  readonly #settling = new Set<() => void>();
  readonly #escapes: EscapeDigits<Place>;
  readonly #options: AppOptions;
  readonly #control: Control;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};

  constructor(options: AppOptions) {
    this.#options = options;
    this.#escapes = new EscapeDigits(options.monotonic);
    this.#control = this.#makeControl();
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
  }

  /** Resolves when the engine has said something, or turns out to be away. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  connect(): void {
    this.#options.client.open({
      onState: (state) => this.#news(state),
      onLost: (error) => {
        this.#connected = false;
        this.#lost = error;
        this.#markReady();
        this.#changed();
      },
    });
  }

  attach(display: Display): void {
    this.#display = display;
  }

  close(): void {
    for (const settled of this.#settling) settled();
    this.#options.client.close();
  }

  draw(canvas: Canvas): void {
    drawFrame(canvas, this.#view(), this.#top, {
      page: this.#isAsking ? this.#page : undefined,
      notice: this.#currentNotice(),
      isBase: this.#overlays.length === 0,
      canGoBack: this.#overlays.length > 0 || (this.#isAsking && this.#page !== "locale"),
    });
  }

  key(key: Key, canvasSize: { width: number; height: number }): void {
    this.#notice = undefined;
    if (tooSmall(canvasSize.width, canvasSize.height)) this.#anywhere(key);
    else this.#dispatch(key);
    this.#uncover();
    this.#display?.redraw();
  }

  #dispatch(pressed: Key): void {
    const before: Place = { page: this.#page, overlays: this.#overlays };
    const twin = this.#escapes.resolve(pressed, this.#top.typing?.() ?? false);
    if (twin !== undefined && this.#isAsking) {
      this.#turnTo(twin.before.page);
      this.#overlays = twin.before.overlays;
      this.#uncover();
    }
    const key = twin?.key ?? pressed;
    this.#leadIfNobodyDoes();
    // What is on its way may change the page: a key that was meant for the old one must not reach the new one.
    if (this.#busy > 0 && !isHelp(key)) return;
    if (!this.#top.key(key)) this.#anywhere(key);
    if (pressed.name === "esc") this.#escapes.remember(before);
  }

  #anywhere(key: Key): void {
    if (isHelp(key)) this.#openHelp();
    else if (key.name === "f4") this.#toggleProfile();
    else if (key.name === "esc") this.#escape();
    else if (key.name === "ctrl" && (key.letter === "c" || key.letter === "d"))
      this.#control.notify(this.#t("install.noQuit"), "warn");
    else if (key.name === "char" && key.text.toLowerCase() === "t" && !this.#leads) void this.#takeOver();
  }

  #escape(): void {
    const top = this.#overlays.at(-1);
    if (top !== undefined) this.#control.close(top);
    else if (this.#isAsking) this.#control.back();
  }

  #openHelp(): void {
    if (this.#top.title !== "help.title") this.#control.open(helpScreen(this.#view().t, this.#top));
  }

  #toggleProfile(): void {
    const profile = this.#display?.toggleProfile();
    if (profile === undefined) return;
    void this.#applyLanguage().then(() => this.#control.notify(this.#t(`app.profile.${profile}`), "good"));
  }

  get #leads(): boolean {
    const { leader } = this.#state;
    return leader === null || leader === this.#options.console;
  }

  /** Whether the questions are shown here, to be answered. */
  get #isAsking(): boolean {
    return this.#state.phase === "questions" && this.#leads && this.#known !== undefined;
  }

  get #top(): Screen {
    return this.#overlays.at(-1) ?? this.#basis;
  }

  get #basis(): Screen {
    return this.#isAsking ? this.#pageScreen(this.#page) : this.#screenOfPhase();
  }

  /** A page is made anew only when its answers or the hardware have changed: what was typed is there after Back. */
  #pageScreen(page: InstallQuestion): Screen {
    const known = this.#control.known();
    const from = JSON.stringify([known.hardware, answersOf(page, known.draft)]);
    const made = this.#made.get(page);
    // The page that is being looked at keeps what is being typed.
    if (made !== undefined && (made.from === from || made.screen === this.#shown)) return made.screen;
    const screen = questionPages[page](this.#control);
    this.#made.set(page, { screen, from });
    return screen;
  }

  #screenOfPhase(): Screen {
    const { phase } = this.#state;
    const name = phase === "questions" ? (this.#known === undefined ? "probing" : "following") : phase;
    if (this.#phaseScreen?.phase !== name)
      this.#phaseScreen = { phase: name, screen: phaseScreens[name](this.#control) };
    return this.#phaseScreen.screen;
  }

  /** Tells the screens which of them is asked now: a page is entered when it is shown anew, not when a list above it closes. */
  #uncover(): void {
    const basis = this.#basis;
    if (basis === this.#shown) return;
    this.#shown?.leave?.();
    this.#shown = basis;
    basis.enter?.();
  }

  #view(): View {
    return {
      t: this.#t,
      state: this.#state,
      connected: this.#connected,
      console: this.#options.console,
      leads: this.#leads,
    };
  }

  #currentNotice(): Notice | undefined {
    if (this.#lost !== undefined) return { text: this.#control.describe(this.#lost), style: "bad" };
    if (this.#busy > 0 && this.#notice === undefined) return { text: this.#t("widget.form.busy"), style: "dim" };
    return this.#notice;
  }

  #news(state: InstallerState): void {
    const { leader: ledBefore, phase } = this.#state;
    const me = this.#options.console;
    // Who takes over goes on where the other one was, and so does who comes later.
    if (this.#isNew || (ledBefore !== null && ledBefore !== me)) this.#page = state.question;
    this.#isNew = false;
    this.#state = state;
    this.#connected = true;
    // What a key was told while the engine was away is over with it.
    if (this.#lost !== undefined) this.#notice = undefined;
    this.#lost = undefined;
    if (state.draft !== null && state.hardware !== null) this.#known = { draft: state.draft, hardware: state.hardware };
    const loses = ledBefore === me && !this.#leads;
    // What lies on top belongs to a question that is no longer asked here.
    if (loses || phase !== state.phase) this.#closeOverlays();
    if (loses && state.leader !== null)
      this.#control.notify(this.#t("install.tookOver", { console: state.leader }), "warn");
    for (const settled of [...this.#settling]) settled();
    if (loses) this.#preview = undefined;
    const chosen: Language = state.draft?.locale.language === "zh_CN" ? "zh" : "en";
    if (chosen === this.#preview) this.#preview = undefined;
    this.#language = chosen;
    void this.#applyLanguage();
    this.#markReady();
    this.#changed();
  }

  #changed(): void {
    this.#uncover();
    this.#top.changed?.();
    this.#display?.redraw();
  }

  #closeOverlays(): void {
    for (const closing of [...this.#overlays].reverse()) closing.leave?.();
    this.#overlays = [];
  }

  async #applyLanguage(): Promise<void> {
    const wanted = this.#preview ?? this.#language;
    const shown = this.#control.canShow(wanted) ? wanted : "en";
    if (this.#t.language === shown) return;
    this.#t = await loadTexts(shown);
    this.#changed();
  }

  /** The first console on which a key is pressed leads. */
  #leadIfNobodyDoes(): void {
    if (this.#state.leader !== null || !this.#connected) return;
    // It takes a lead that is free, and none that somebody else has just taken; the engine then knows this page.
    const { client } = this.#options;
    const asked = this.#isAsking ? client.call("turnTo", { question: this.#page }) : client.call("lead", {});
    void asked.catch(() => {
      // Whatever this key does asks the engine again, and that answer is told.
    });
  }

  #turnTo(page: InstallQuestion): void {
    if (page === this.#page) return;
    this.#page = page;
    void this.#options.client.call("turnTo", { question: page }).catch(() => {
      // It only helps whoever takes over; what is answered here asks the engine again.
    });
  }

  async #takeOver(): Promise<void> {
    await this.#control.attempt(() => this.#options.client.call("lead", {}));
  }

  #makeControl(): Control {
    const app = this;
    const step = (by: 1 | -1) => {
      const page = installQuestions[installQuestions.indexOf(app.#page) + by];
      if (page !== undefined) app.#control.goTo(page);
    };
    return {
      view: () => app.#view(),
      known() {
        if (app.#known === undefined) throw new Error("a question was asked before the engine told its draft");
        return app.#known;
      },
      client: app.#options.client,
      open(screen) {
        app.#overlays = [...app.#overlays, screen];
        screen.enter?.();
        app.#display?.redraw();
      },
      close(screen) {
        const at = app.#overlays.indexOf(screen);
        if (at < 0) return;
        for (const closing of app.#overlays.slice(at).reverse()) closing.leave?.();
        app.#overlays = app.#overlays.slice(0, at);
        app.#display?.redraw();
      },
      next: () => step(1),
      back: () => step(-1),
      goTo(page) {
        app.#turnTo(page);
        app.#uncover();
        app.#display?.redraw();
      },
      redraw: () => app.#display?.redraw(),
      notify(text, style = "good") {
        app.#notice = { text, style };
        app.#display?.redraw();
      },
      async attempt(action) {
        app.#busy += 1;
        try {
          await action();
          return true;
        } catch (error) {
          app.#control.notify(app.#control.describe(error), "bad");
          return false;
        } finally {
          app.#busy -= 1;
          app.#display?.redraw();
        }
      },
      describe(error) {
        if (!(error instanceof NodeError)) return app.#t("app.failed", { what: String(error) });
        const known = app.#t.find(`error.${error.code}`) !== undefined;
        const text = errorText(app.#t, error);
        return known || error.remedy === undefined ? text : `${text} ${error.remedy}`;
      },
      settled: (holds) => app.#settled(holds),
      preview(language) {
        app.#preview = language;
        void app.#applyLanguage();
      },
      canShow: (language) => language === "en" || (app.#display?.canShowChinese ?? false),
    };
  }

  #settled(holds: (draft: SeenDraft) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#known !== undefined && holds(this.#known.draft)) done();
      };
      const done = () => {
        clearTimeout(timer);
        this.#settling.delete(check);
        resolve();
      };
      const timer = setTimeout(done, settleMs);
      this.#settling.add(check);
      check();
    });
  }
}

function isHelp(key: Key): boolean {
  return key.name === "f1" || (key.name === "char" && key.text === "?");
}
