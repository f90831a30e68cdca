import type { Client, Subscription } from "../core/api/client.ts";
import { checkProtocol } from "../core/api/client.ts";
import { NodeError } from "../core/model/error.ts";
import { type Facts, missingFacts, type SomeFacts } from "../core/model/facts.ts";
import type { ConsoleSettings, Language } from "../core/model/records.ts";
import { ChangeWatch } from "./change-watch.ts";
import { errorText } from "./error-text.ts";
import { EscapeDigits } from "./escape-digits.ts";
import { drawFrame, type Notice, tooSmall } from "./frame.ts";
import { english, loadCatalogue, type Translate, translator } from "./i18n/catalogue.ts";
import { PasswordWait } from "./password-wait.ts";
import { helpScreen } from "./screens/help.ts";
import { homeScreen } from "./screens/home.ts";
import type { Control, Screen, View } from "./screens/screen.ts";
import { initialState, type State, whyNoFigures, withFacts, withJob, withNetworkChange } from "./state.ts";
import type { Canvas } from "./terminal/canvas.ts";
import type { Key } from "./terminal/key.ts";

/** What the app needs of the terminal that it runs on. */
export type Display = {
  readonly canShowChinese: boolean;
  readonly canChart: boolean;
  /** Draws what has changed, when the frame budget allows it. */
  redraw(): void;
  setProfile(choice: ConsoleSettings["profile"]): void;
  /** Changes between rich and basic; returns what it is now. */
  toggleProfile(): "rich" | "basic";
};

export type AppOptions = {
  client: Client;
  console: string;
  canQuit: boolean;
  /** The node's clock and a monotonic one, in milliseconds. */
  now: () => number;
  monotonic: () => number;
  /** Leaves the program. */
  quit: () => void;
};

/** How long the last figures stay on the screen, marked as old, after the agent has gone. */
const forgetFactsMs = 5_000;
/** The session is told of keys at most this often. */
const touchEveryMs = 10_000;

/** The screen stack of one console: what a key does, when the console locks, and what the agent's news change. */
export class App {
  #state: State;
  #t: Translate = english();
  #stack: readonly Screen[];
  #notice: Notice | undefined;
  #display: Display | undefined;
  #events: Subscription | undefined;
  #forget: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout;
  #lastKeyAt: number;
  #touchedAt = 0;
  #language: Language = "en";
  /** What the agent keeps for this console. */
  #savedProfile: ConsoleSettings["profile"] = "auto";
  readonly #passwordWait: PasswordWait;
  readonly #changeWatch: ChangeWatch;
  readonly #escapes: EscapeDigits<readonly Screen[]>;
  readonly #options: AppOptions;
  readonly #control: Control;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};

  constructor(options: AppOptions) {
    this.#options = options;
    this.#state = initialState(options.console);
    this.#passwordWait = new PasswordWait(options.monotonic);
    this.#changeWatch = new ChangeWatch(options.monotonic, () => this.#display?.redraw());
    this.#escapes = new EscapeDigits(options.monotonic);
    this.#lastKeyAt = options.monotonic();
    this.#control = this.#makeControl();
    this.#stack = [homeScreen(this.#control)];
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
    this.#idle = setInterval(() => this.#lockWhenIdle(), 1_000);
  }

  /** Resolves when a first frame with real figures can be drawn, or when the agent turns out to be away. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  connect(): void {
    this.#subscribe();
  }

  /** Gives the app its display: what arrives from now on may change the profile, before anything is shown. */
  attach(display: Display): void {
    this.#display = display;
  }

  show(display: Display): void {
    this.#top.enter?.();
    display.redraw();
  }

  close(): void {
    this.#events?.close();
    clearInterval(this.#idle);
    clearTimeout(this.#forget);
    this.#changeWatch.close();
    this.#options.client.close();
  }

  draw(canvas: Canvas): void {
    drawFrame(canvas, this.#view(), this.#top, this.#currentNotice(), this.#options.canQuit);
  }

  key(key: Key, canvasSize: { width: number; height: number }): void {
    this.#lastKeyAt = this.#options.monotonic();
    this.#touch();
    this.#notice = undefined;
    this.#changeWatch.dismiss();
    if (tooSmall(canvasSize.width, canvasSize.height)) this.#anywhere(key);
    else this.#dispatch(key);
    this.#display?.redraw();
  }

  /** What was typed, before it is made keys of. Returns false where it is to become keys. */
  bytes(bytes: Uint8Array, { width, height }: { width: number; height: number }): boolean {
    const top = this.#top;
    if (top.bytes === undefined || tooSmall(width, height)) return false;
    this.#lastKeyAt = this.#options.monotonic();
    this.#touch();
    this.#notice = undefined;
    top.bytes(bytes);
    this.#display?.redraw();
    return true;
  }

  #dispatch(pressed: Key): void {
    const before = this.#stack;
    const twin = this.#escapes.resolve(pressed, this.#top.typing?.() ?? false);
    if (twin !== undefined) this.#restore(twin.before);
    const key = twin?.key ?? pressed;
    if (!this.#top.key(key)) this.#anywhere(key);
    if (pressed.name === "esc") this.#escapes.remember(before);
  }

  /** Keys that mean the same on every screen, unless the screen has its own use for them. */
  #anywhere(key: Key): void {
    if (key.name === "f1" || (key.name === "char" && key.text === "?")) this.#openHelp();
    else if (key.name === "f4") this.#control.toggleProfile();
    else if (key.name === "esc") this.#closeScreen(this.#top);
    else if (key.name === "ctrl" && (key.letter === "c" || key.letter === "d")) this.#control.quit();
  }

  #openHelp(): void {
    if (this.#top.title !== "help.title") this.#control.open(helpScreen(this.#control, this.#top));
  }

  get #top(): Screen {
    const top = this.#stack.at(-1);
    if (top === undefined) throw new Error("the screen stack is never empty");
    return top;
  }

  #view(): View {
    const { now, monotonic } = this.#options;
    return { t: this.#t, state: this.#state, now: now(), monotonic: monotonic() };
  }

  #currentNotice(): Notice | undefined {
    const { connection } = this.#state;
    if (connection.state === "lost")
      return { text: this.#describe(new NodeError(connection.code, "", { values: connection.values })), style: "bad" };
    const outcome = this.#top.title === "network.trial.title" ? undefined : this.#changeWatch.outcome;
    if (outcome === undefined) return this.#notice;
    if (this.#notice === undefined) return outcome;
    return { text: `${outcome.text}\n${this.#notice.text}`, style: outcome.style };
  }

  #makeControl(): Control {
    const app = this;
    return {
      view: () => app.#view(),
      client: app.#options.client,
      canQuit: app.#options.canQuit,
      open(screen) {
        app.#stack = [...app.#stack, screen];
        screen.enter?.();
        app.#display?.redraw();
      },
      close: (screen) => app.#closeScreen(screen),
      replace(screen, next) {
        if (app.#top !== screen) return;
        screen.leave?.();
        app.#stack = [...app.#stack.slice(0, -1), next];
        next.enter?.();
        app.#display?.redraw();
      },
      goHome: () => app.#goHome(),
      redraw: () => app.#display?.redraw(),
      notify(text, style = "good") {
        app.#notice = { text, style };
        app.#display?.redraw();
      },
      attempt: (action) => app.#attempt(action),
      describe: (error) => app.#describe(error),
      passwordWait: app.#passwordWait,
      unlocked: (token) => app.#unlock(token),
      toggleProfile() {
        const profile = app.#display?.toggleProfile();
        if (profile === undefined) return;
        app.#savedProfile = profile;
        // In the language that the console can show now.
        void app.#applyLanguage(app.#language).then(() => app.#control.notify(app.#t(`app.profile.${profile}`)));
        void app.#attempt(() => app.#options.client.call("setConsoleSettings", { body: { profile } }));
      },
      async setLanguage(language) {
        await app.#applyLanguage(language);
        await app.#attempt(() => app.#options.client.call("setConsoleSettings", { body: { language } }));
      },
      canChart: () => app.#display?.canChart ?? false,
      canShow: (language) => language === "en" || (app.#display?.canShowChinese ?? false),
      quit() {
        if (app.#options.canQuit) app.#options.quit();
        else app.#control.notify(app.#t("app.noQuit"), "warn");
      },
    };
  }

  #closeScreen(screen: Screen): void {
    const at = this.#stack.indexOf(screen);
    if (at < 0) return;
    if (at === 0) return;
    if (at === 1) {
      this.#goHome();
      return;
    }
    for (const closing of this.#stack.slice(at).reverse()) closing.leave?.();
    this.#stack = this.#stack.slice(0, at);
    this.#top.enter?.();
    this.#display?.redraw();
  }

  /** Home is where the rights end: coming back asks for the password again. */
  #goHome(): void {
    for (const closing of this.#stack.slice(1).reverse()) closing.leave?.();
    this.#stack = this.#stack.slice(0, 1);
    if (this.#stack.length === 1) this.#top.enter?.();
    this.#lock();
    this.#display?.redraw();
  }

  /** The screens as they were before an Esc that turned out to be the first half of Esc + digit. */
  #restore(stack: readonly Screen[]): void {
    if (stack === this.#stack || stack.length <= this.#stack.length) return;
    // The rights that going home gave up don't come back without the password.
    if (this.#stack.length === 1 && !this.#state.unlocked) return;
    this.#stack = stack;
    this.#top.enter?.();
  }

  #unlock(token: string): void {
    this.#passwordWait.end();
    this.#options.client.token = token;
    this.#touchedAt = this.#options.monotonic();
    this.#state = { ...this.#state, unlocked: true };
    this.#subscribe();
  }

  #lock(): void {
    if (!this.#state.unlocked) return;
    const { client } = this.#options;
    void client.call("closeSession", {}).catch(() => {
      // The session ends by itself when it idles; there is nothing to add for the person at the console.
    });
    this.#forgetSession();
  }

  #forgetSession(): void {
    this.#options.client.token = undefined;
    // The names that only a session may see go with it; the public view comes in a moment.
    const at = this.#options.now();
    const virtualMachines: Facts["virtualMachines"] = { state: "missing", at, why: { code: "pending", detail: "" } };
    const facts: SomeFacts = { ...this.#state.facts, virtualMachines };
    this.#state = { ...this.#state, unlocked: false, jobs: [], facts };
    this.#subscribe();
  }

  #touch(): void {
    const now = this.#options.monotonic();
    if (!this.#state.unlocked || now - this.#touchedAt < touchEveryMs) return;
    this.#touchedAt = now;
    void this.#attempt(() => this.#options.client.call("touchSession", {}));
  }

  #lockWhenIdle(): void {
    const limitMs = (this.#state.nodeSettings?.lockMinutes ?? 10) * 60_000;
    if (this.#options.monotonic() - this.#lastKeyAt < limitMs) return;
    if (this.#stack.length === 1 && !this.#state.unlocked) return;
    this.#goHome();
    this.#control.notify(this.#t("app.locked"), "warn");
  }

  async #attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.#passwordWait.learn(error);
      if (error instanceof NodeError && error.code === "AUTH.NO_SESSION" && this.#state.unlocked) {
        this.#forgetSession();
        this.#goHome();
      }
      this.#control.notify(this.#describe(error), "bad");
      return undefined;
    }
  }

  #describe(error: unknown): string {
    if (!(error instanceof NodeError)) return this.#t("app.failed", { what: String(error) });
    return errorText(this.#t, error);
  }

  async #applyLanguage(language: Language): Promise<void> {
    this.#language = language;
    const canShow = this.#control.canShow(language);
    const shown = canShow ? language : "en";
    if (!canShow) this.#control.notify(this.#t("app.noChinese"), "warn");
    if (this.#t.language !== shown) {
      this.#t = translator(shown, await loadCatalogue(shown));
      this.#top.changed?.();
    }
    this.#display?.redraw();
  }

  #subscribe(): void {
    this.#events?.close();
    this.#events = this.#options.client.events({
      onLost: (error) => this.#lost(error),
      status: (status) => {
        try {
          checkProtocol(status.protocol);
          // It is no longer true, and nobody need press a key to see that.
          if (this.#notice?.text === this.#t("unlock.noAgent")) this.#notice = undefined;
          this.#state = { ...this.#state, status, connection: { state: "up" } };
        } catch (error) {
          if (!(error instanceof NodeError)) throw error;
          // What comes behind this status must not count as an answer of our own release.
          this.#state = { ...this.#state, status: undefined };
          this.#lost(error);
        }
      },
      nodeSettings: (nodeSettings) => this.#changed({ ...this.#state, nodeSettings }),
      consoleSettings: (settings) => {
        // Every new stream tells it again; a change of profile draws the whole screen anew.
        if (settings.profile !== this.#savedProfile) this.#display?.setProfile(settings.profile);
        this.#savedProfile = settings.profile;
        void this.#applyLanguage(settings.language);
      },
      history: (histories) => this.#changed({ ...this.#state, histories }),
      facts: (changed) => {
        clearTimeout(this.#forget);
        this.#forget = undefined;
        if (this.#state.connection.state !== "up" && this.#state.status !== undefined)
          this.#state = { ...this.#state, connection: { state: "up" } };
        this.#changed(withFacts(this.#state, changed));
        this.#markReady();
      },
      job: (job) => this.#changed(withJob(this.#state, job)),
      networkChange: (change) => {
        const before = this.#state.networkChange;
        const next = withNetworkChange(this.#state, change, this.#options.monotonic());
        this.#changeWatch.told(this.#t, before, next.networkChange);
        this.#changed(next);
      },
      locked: ({ why }) => {
        if (!this.#state.unlocked) return;
        this.#forgetSession();
        this.#goHome();
        this.#control.notify(this.#t(why === "idle" ? "app.locked" : "app.sessionEnded"), "warn");
      },
    });
  }

  #changed(state: State): void {
    this.#state = state;
    this.#top.changed?.();
    this.#display?.redraw();
  }

  #lost(error: NodeError): void {
    this.#changed({ ...this.#state, connection: { state: "lost", code: error.code, values: error.values } });
    this.#markReady();
    this.#forget ??= setTimeout(() => {
      const at = this.#options.now();
      const { connection } = this.#state;
      const code = connection.state === "lost" ? whyNoFigures(connection.code) : "notRunning";
      this.#changed({ ...this.#state, facts: missingFacts({ code, detail: "agent" }, at) });
    }, forgetFactsMs);
  }
}
