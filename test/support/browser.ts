import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { temporaryFolder } from "./programs.ts";

/* Chromium without a window, led by its DevTools protocol over two pipes: no port, and no package. */

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--ignore-certificate-errors",
  "--remote-debugging-pipe",
  "--window-size=1100,900",
];
const answerMs = 120_000;

/** In a page with a machine's screen: how many colours it has, and a sum that another picture would not have. */
export const picture = `(() => {
  const canvas = document.querySelector("canvas");
  if (canvas === null || canvas.width < 100) return null;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    const colour = data[at] * 65536 + data[at + 1] * 256 + data[at + 2];
    colours.add(colour);
    sum = (sum * 31 + colour) % 1000000007;
  }
  return { colours: colours.size, sum };
})()`;

type Answer = { id?: number; method?: string; params?: unknown; result?: unknown; error?: { message: string } };

export class Browser {
  readonly #process: ChildProcess;
  readonly #folder: { path: string; dispose(): void };
  readonly #to: Writable;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  /** What pages have written to their consoles, errors and refusals of the security policy among it. */
  readonly complaints: string[] = [];
  #last = 0;
  #text = "";

  /** @param through starts the program behind it: in another network, for instance */
  constructor(through: readonly string[] = []) {
    this.#folder = temporaryFolder();
    const own = ["/usr/bin/chromium", ...flags, `--user-data-dir=${this.#folder.path}`, "about:blank"];
    const [command = "", ...args] = [...through, ...own];
    this.#process = spawn(command, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const [, , , to, from] = this.#process.stdio;
    this.#to = to as Writable;
    (from as Readable).setEncoding("utf8").on("data", (text: string) => this.#take(text));
  }

  /** Resolves when it is there: to start takes longer than some addresses are good for. */
  async ready(): Promise<void> {
    await this.send("Browser.getVersion", {});
  }

  async open(url: string): Promise<BrowserPage> {
    const { targetId } = await this.send<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.send<{ sessionId: string }>("Target.attachToTarget", attach);
    const page = new BrowserPage(this, sessionId);
    for (const what of ["Page.enable", "Runtime.enable", "Log.enable"]) await this.send(what, {}, sessionId);
    // Each page believes that it is the one in front.
    await this.send("Emulation.setFocusEmulationEnabled", { enabled: true }, sessionId);
    await this.send("Page.navigate", { url }, sessionId);
    return page;
  }

  send<T>(method: string, params: object, sessionId?: string): Promise<T> {
    this.#last += 1;
    const id = this.#last;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Chromium does not answer ${method}.`)), answerMs);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#to.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
    });
  }

  async close(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
    // Its other processes end with it, a moment later.
    for (let left = 50; ; left--)
      try {
        return this.#folder.dispose();
      } catch (error) {
        if (left === 0) throw error;
        await pause(100);
      }
  }

  #take(text: string): void {
    const [rest = "", ...whole] = `${this.#text}${text}`.split("\0").reverse();
    this.#text = rest;
    for (const each of whole.reverse()) {
      const answer: Answer = JSON.parse(each);
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
      else if (answer.method === "Runtime.exceptionThrown" || /^Log.*"level":"error"/.test(`${answer.method}${each}`))
        this.complaints.push(JSON.stringify(answer.params));
    }
  }
}

export class BrowserPage {
  readonly #browser: Browser;
  readonly #session: string;

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  /** The value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const { result } = await this.#browser.send<{ result: { value: T } }>(
      "Runtime.evaluate",
      { expression, returnByValue: true, awaitPromise: true },
      this.#session,
    );
    return result.value;
  }

  /** Waits until an expression of the page holds. */
  async until(expression: string, timeoutMs = 120_000): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (performance.now() < until) {
      if ((await this.value<unknown>(`Boolean(${expression})`)) === true) return;
      await pause(100);
    }
    const state = await this.value<string>("document.body.innerText");
    throw new Error(`The page never came to ${expression}: ${state}`);
  }

  /** Types into the page as an American keyboard does. `\n` is Enter. */
  async type(text: string): Promise<void> {
    await this.#browser.send("Page.bringToFront", {}, this.#session);
    for (const each of text) {
      const { code, number, isShifted } = keyOf(each);
      const key = each === "\n" ? "Enter" : each;
      const modifiers = isShifted ? 8 : 0;
      const pressed = { key, code, windowsVirtualKeyCode: number, modifiers };
      if (isShifted) await this.#key("rawKeyDown", { ...shift, modifiers });
      await this.#key("keyDown", { ...pressed, text: each === "\n" ? "\r" : each });
      await this.#key("keyUp", pressed);
      if (isShifted) await this.#key("keyUp", shift);
    }
  }

  async #key(type: string, key: object): Promise<void> {
    await this.#browser.send("Input.dispatchKeyEvent", { type, ...key }, this.#session);
  }

  async click(selector: string): Promise<void> {
    await this.value(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  async reload(): Promise<void> {
    await this.#browser.send("Page.reload", {}, this.#session);
  }

  /** As PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.#browser.send<{ data: string }>("Page.captureScreenshot", {}, this.#session);
    return Buffer.from(data, "base64");
  }
}

const shift = { key: "Shift", code: "ShiftLeft", windowsVirtualKeyCode: 16 };

/** Keys beside letters, digits and Enter: what each types without and with Shift, its name, its number in Windows. */
const keys: readonly (readonly [types: string, code: string, number: number])[] = [
  [" ", "Space", 32],
  ["-_", "Minus", 189],
  ["=+", "Equal", 187],
  [".>", "Period", 190],
  ["/?", "Slash", 191],
  [";:", "Semicolon", 186],
];
const overDigits = ")!@#$%^&*(";

function keyOf(character: string): { code: string; number: number; isShifted: boolean } {
  if (character === "\n") return { code: "Enter", number: 13, isShifted: false };
  const upper = character.toUpperCase();
  if (/[a-z]/i.test(character))
    return { code: `Key${upper}`, number: upper.charCodeAt(0), isShifted: upper === character };
  const over = overDigits.indexOf(character);
  const digit = over >= 0 ? String(over) : character;
  if (/\d/.test(digit)) return { code: `Digit${digit}`, number: digit.charCodeAt(0), isShifted: over >= 0 };
  const found = keys.find(([types]) => types.includes(character));
  if (found === undefined) throw new Error(`This keyboard has no ${character}.`);
  return { code: found[1], number: found[2], isShifted: found[0].indexOf(character) === 1 };
}
