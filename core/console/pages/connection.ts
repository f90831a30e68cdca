import { type End, endCodes, type Hello, passingEnds, type Ready, socketPath } from "../../model/console-messages.ts";

/** A console that is open: bytes both ways. */
export type Opened = {
  ready: Ready["ready"];
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
  /** Bytes that come; those that came before it was set are given at once. */
  onBytes: (take: (bytes: ArrayBuffer) => void) => void;
};

export type Handlers = {
  onOpen: (opened: Opened) => void;
  /** It is over for now: `message` says why, `mayCome` whether it is tried again by itself. */
  onEnd: (message: string, mayComeBack: boolean) => void;
};

/** Where the token is kept for a page that is loaded anew: in this tab, for this site's pages. */
const kept = "console-token";
const words: Readonly<Record<number, string>> = {
  1006: "The connection broke.",
  1009: "Too much was sent at once.",
};
/** Between attempts by itself, in milliseconds. */
const pausesMs = [500, 1_000, 2_000, 5_000, 5_000, 10_000];

/** The way of a page to its console, once and again. */
export class Connection {
  readonly #handlers: Handlers;
  #token: string | null;
  #attempts = 0;
  #timer = 0;
  #isOpen = false;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
    this.#token = tokenOfAddress() ?? sessionStorage.getItem(kept);
    sessionStorage.removeItem(kept);
  }

  /** Whether there is a token left to try with. */
  get canOpen(): boolean {
    return this.#token !== null && !this.#isOpen;
  }

  open(): void {
    clearTimeout(this.#timer);
    const token = this.#token;
    if (token === null || this.#isOpen) {
      if (token === null)
        this.#handlers.onEnd("This page was opened before. Ask for access to the console again.", false);
      return;
    }
    this.#isOpen = true;
    const socket = new WebSocket(`wss://${location.host}${socketPath}`);
    socket.binaryType = "arraybuffer";
    let why: string | undefined;
    let take: ((bytes: ArrayBuffer) => void) | undefined;
    const waiting: ArrayBuffer[] = [];
    socket.onopen = () => {
      const hello: Hello = { token };
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data !== "string") {
        if (take === undefined) waiting.push(data);
        else take(data);
        return;
      }
      const said: Ready | End = JSON.parse(data);
      if ("end" in said) {
        why = said.end.message;
        return;
      }
      this.#attempts = 0;
      this.#keep(said.ready.again);
      this.#handlers.onOpen({
        ready: said.ready,
        send: (bytes) => socket.readyState === WebSocket.OPEN && socket.send(bytes),
        close: () => socket.close(),
        onBytes: (given) => {
          take = given;
          for (const bytes of waiting.splice(0)) given(bytes);
        },
      });
    };
    socket.onclose = ({ code, reason }) => {
      this.#isOpen = false;
      this.#ended(code, why ?? (reason || (words[code] ?? `The connection was closed (${code}).`)));
    };
  }

  #ended(code: number, message: string): void {
    if (code === endCodes.refused || code === endCodes.session) this.#keep(null);
    const pauseMs = pausesMs[this.#attempts];
    const mayComeBack = this.#token !== null && passingEnds.has(code) && pauseMs !== undefined;
    if (mayComeBack) {
      this.#attempts += 1;
      this.#timer = setTimeout(() => this.open(), pauseMs);
    }
    this.#handlers.onEnd(message, mayComeBack);
  }

  #keep(token: string | null): void {
    this.#token = token;
    if (token === null) sessionStorage.removeItem(kept);
    else sessionStorage.setItem(kept, token);
  }
}

/** Takes the token out of the address, so that it is in no history and on no screen. */
function tokenOfAddress(): string | null {
  const token = location.hash.slice(1);
  if (token === "") return null;
  history.replaceState(null, "", location.pathname);
  return token;
}
