import { hasCredentials } from "../model/cloud/storage-place.ts";
import { badStatus, notFetched, SourceFailed, silent } from "./refusals.ts";

/** Where an image comes from, opened at a byte. */
export type Source = {
  /** The byte that `content` begins at: the one that was asked for, or 0. */
  readonly from: number;
  /** Bytes of the whole; null where that is not told. */
  readonly totalBytes: number | null;
  /** What names this very content, so that it can be gone on with; null when it can't. */
  readonly validator: string | null;
  readonly content: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
};

export type Wanted = {
  readonly from: number;
  /** Of the content that is to be gone on with. */
  readonly validator: string | null;
  readonly idleMs: number;
  readonly signal: AbortSignal;
};

const mostRedirects = 5;
/** Statuses of a server that is busy. */
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Asks a server for a content from a byte on. It gets the whole one when it can't give a part, or has another one by now.
 * @throws STORAGE.1020, STORAGE.1021; {@link SourceFailed}; the signal's reason
 */
export async function openHttp(given: string, wanted: Wanted): Promise<Source> {
  const idle = new Idle(wanted);
  try {
    const { url, response } = await ask(new URL(given), wanted, idle);
    const { headers, status, body } = response;
    const encoding = headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") throw notFetched(url, "The server packs what it sends, though it was asked not to.");
    if (body === null) throw notFetched(url, "The server sends nothing.");
    const range = status === 206 ? rangeOf(headers.get("content-range")) : undefined;
    if (status === 206 && range?.from !== wanted.from)
      throw notFetched(url, "The server sends another part than asked.");
    const { from, totalBytes } = range ?? { from: 0, totalBytes: lengthOf(headers.get("content-length")) };
    return {
      from,
      totalBytes,
      validator: validatorOf(headers),
      content: chunksOf(url, body, idle),
      close: async () => idle.end(),
    };
  } catch (error) {
    idle.end();
    throw error;
  }
}

async function ask(first: URL, { from, validator }: Wanted, idle: Idle): Promise<{ url: URL; response: Response }> {
  const headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "Binnacle" };
  if (from > 0 && validator !== null) {
    headers["range"] = `bytes=${from}-`;
    headers["if-range"] = validator;
  }
  let url = first;
  for (let redirected = 0; ; redirected++) {
    const response = await request(url, headers, idle);
    if (response.status === 200 || (response.status === 206 && "range" in headers)) return { url, response };
    await response.body?.cancel().catch(() => undefined);
    if (redirects.has(response.status)) {
      if (redirected === mostRedirects) throw notFetched(url, `It is redirected more than ${mostRedirects} times.`);
      url = redirectedTo(url, response.headers.get("location"));
    } else if (response.status === 416 && "range" in headers) {
      delete headers["range"];
      delete headers["if-range"];
    } else {
      const refused = badStatus(url, response.status);
      throw passing.has(response.status) ? new SourceFailed(refused) : refused;
    }
  }
}

async function request(url: URL, headers: Record<string, string>, idle: Idle): Promise<Response> {
  idle.begin(url);
  try {
    return await fetch(url.href, { headers, redirect: "manual", signal: idle.signal });
  } catch (error) {
    throw idle.reason ?? broken(url, error);
  }
}

/** @throws STORAGE.1020 for an address that is no server's, or has a password in it */
function redirectedTo(url: URL, location: string | null): URL {
  if (location === null || !URL.canParse(location, url.href)) throw notFetched(url, "It is redirected to no address.");
  const next = new URL(location, url);
  const isHttp = next.protocol === "https:" || (next.protocol === "http:" && url.protocol === "http:");
  if (!isHttp)
    throw notFetched(url, `It is redirected from ${url.protocol} to ${next.protocol}, which is not followed.`);
  if (hasCredentials(next.href)) throw notFetched(url, "It is redirected to an address with a password in it.");
  return next;
}

async function* chunksOf(url: URL, body: ReadableStream<Uint8Array>, idle: Idle): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      idle.begin(url);
      const { done, value } = await reader.read();
      // Whoever takes it may need its time.
      idle.pause();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw idle.reason ?? broken(url, error);
  } finally {
    idle.pause();
  }
}

/** Calls off what stands still for too long, or is not wanted any more. */
class Idle {
  readonly #controller = new AbortController();
  readonly #wanted: Wanted;
  readonly #stop: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** What it was called off for. */
  reason: unknown;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    this.#stop = () => this.#callOff(wanted.signal.reason);
    wanted.signal.addEventListener("abort", this.#stop, { once: true });
    if (wanted.signal.aborted) this.#stop();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(url: URL): void {
    clearTimeout(this.#timer);
    const { idleMs } = this.#wanted;
    this.#timer = setTimeout(() => this.#callOff(silent(url, idleMs)), idleMs);
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Nothing more is wanted: the connection ends. */
  end(): void {
    this.#callOff(new Error("The source is closed."));
    this.pause();
    this.#wanted.signal.removeEventListener("abort", this.#stop);
  }

  #callOff(reason: unknown): void {
    this.reason ??= reason;
    this.#controller.abort();
  }
}

function broken(url: URL, error: unknown): SourceFailed {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return new SourceFailed(notFetched(url, `The connection could not be made, or broke${code}.`));
}

function rangeOf(header: string | null): { from: number; totalBytes: number | null } | undefined {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? "");
  if (match === null) return;
  return { from: Number(match[1]), totalBytes: match[2] === "*" ? null : Number(match[2]) };
}

function lengthOf(header: string | null): number | null {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

/** A strong one: a weak one says that something means the same, not that its bytes are. RFC 9110, 8.8. */
function validatorOf(headers: Headers): string | null {
  const etag = headers.get("etag");
  return etag !== null && /^"[\x21\x23-\x7e]{0,200}"$/.test(etag) ? etag : headers.get("last-modified");
}
