/*
 * What proxy and page say to each other as texts, beside the console's bytes. Imported by the page as well: no I/O, and no
 * packages.
 */

/** The path of the WebSocket. Its first message, from the page, is a {@link Hello}; bytes follow after a {@link Ready}. */
export const socketPath = "/console";

export type Hello = { token: string };
/** The console is open. `again`: a token to open it once more with, when the connection breaks. */
export type Ready = { ready: { name: string; uuid: string; kind: "vnc" | "serial"; again: string } };
/** Why it ends, as a sentence; the WebSocket closes with `code`. */
export type End = { end: { code: number; message: string } };

/** Close codes of the WebSocket, from the range that RFC 6455 leaves to applications. */
export const endCodes = {
  /** The token is wrong, was used, or is over. */
  refused: 4001,
  /** As many consoles are open as there may be. */
  tooMany: 4002,
  /** The host did not open it. */
  notOpened: 4003,
  /** The machine stopped, was moved or deleted, or its host does not answer. */
  machine: 4004,
  /** Whoever opened it has logged out, or the session has ended. */
  session: 4005,
  /** The manager ends; another one, or the next one, takes its place. */
  manager: 4006,
  /** The host ended it, and the machine's record does not say why. */
  host: 4007,
  /** What came was none of this. */
  nonsense: 4008,
} as const;
export type EndCode = (typeof endCodes)[keyof typeof endCodes];

/** Ends after which the same page may try once more. */
export const passingEnds: ReadonlySet<number> = new Set([1001, 1006, endCodes.manager, endCodes.host]);
