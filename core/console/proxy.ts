import type { Server } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import type { WebSocket } from "ws";
import { endCodes } from "../model/console-messages.ts";
import { errnoOf } from "../node/durable.ts";
import type { HostAddress } from "../orchestrator/host-link.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { createDoor } from "./door.ts";
import type { Pages } from "./pages.ts";
import type { ProxyPlace } from "./place.ts";
import type { ConsoleGrant, ConsoleTokens } from "./tokens.ts";
import { type ConsoleLink, Viewer } from "./viewer.ts";

export type ConsoleProxyOptions = {
  tokens: ConsoleTokens;
  mirror: Mirror;
  link: ConsoleLink & { ping(host: HostAddress, signal?: AbortSignal): Promise<unknown> };
  /** As `Identity` has them. */
  sessionLives: (uuid: string) => boolean;
  noteUse: (uuid: string) => void;
  /** Where it is to be now. */
  place: () => ProxyPlace;
  pages: Pages;
  /** What it shows; `follow` gives a server what it shows later. */
  certificate: { readonly tls: { key: string; cert: string }; follow(server: Server, tls: object): () => void };
  onTrouble: (what: string, error: unknown) => void;
  onNote: (what: string, values: object) => void;
  patience?: Partial<typeof usualPatience>;
};

/**
 * Milliseconds. `lookMs`: between two looks at what is open; `idleMs`: a page that has not answered for so long has gone;
 * `quietMs`: of a host that has sent nothing for so long it is asked whether it is there; `retryMs`: after it could not listen.
 */
const usualPatience = { lookMs: 5_000, idleMs: 45_000, quietMs: 10_000, retryMs: 5_000 };
/** Consoles that are open: of a machine, of an account, of all. */
const most = { machine: 8, account: 64, all: 512 };

type Listening = { place: ProxyPlace; server: Server; unfollow: () => void };
/** `heardAt`: of `performance.now()`. */
type Open = { viewer: Viewer; heardAt: number };

/** Shows the consoles of machines to browsers, at the place that the cloud's settings name. */
export class ConsoleProxy {
  readonly #options: ConsoleProxyOptions;
  readonly #patience: typeof usualPatience;
  readonly #open = new Map<WebSocket, Open>();
  readonly #asked = new Set<string>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #closing = new AbortController();
  #listening: Listening | undefined;
  #moving: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  /** Why it could not listen last, so that it is told once. */
  #told = "";

  constructor(options: ConsoleProxyOptions) {
    this.#options = options;
    this.#patience = { ...usualPatience, ...options.patience };
    this.#unsubscribe = options.mirror.subscribe((changes) => {
      if (changes.some(({ kind }) => kind === "VmInstance")) this.#lookAtMachines();
      if (changes.some(({ kind }) => kind === "Session" || kind === "User")) this.#lookAtSessions();
    });
    this.#timer = setInterval(() => this.#look(), this.#patience.lookMs);
  }

  /** Where it listens; undefined: it does not. */
  get place(): ProxyPlace | undefined {
    return this.#listening?.place;
  }

  /** Consoles that are open. */
  get count(): number {
    return this.#grants().length;
  }

  /**
   * Listens where it is to be. One that listens elsewhere goes there; what is open stays open. Never rejects: what is in the
   * way is told, and tried again.
   */
  move(): Promise<void> {
    this.#moving = this.#moving.then(() => this.#move());
    return this.#moving;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#unsubscribe();
    await this.#moving;
    this.#stopListening();
    const closed = [...this.#open.keys()].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const { viewer } of this.#open.values())
      viewer.end(endCodes.manager, "The manager ends; it may be back soon.");
    await Promise.all(closed);
  }

  async #move(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#retry);
    const place = this.#options.place();
    const now = this.#listening?.place;
    const isSame = now?.listenOn === place.listenOn && now.port === place.port;
    if (isSame && this.#listening !== undefined) {
      this.#listening.place = place;
      return;
    }
    const hadPlace = now !== undefined;
    this.#stopListening();
    const { certificate, pages, onTrouble, onNote } = this.#options;
    const server = createDoor({ tls: certificate.tls, pages, onSocket: (socket, from) => this.#take(socket, from) });
    try {
      await listen(server, place, hadPlace ? 20 : 0);
      this.#told = "";
      this.#listening = {
        place: boundPlace(server, place),
        server,
        unfollow: certificate.follow(server, { minVersion: "TLSv1.2" }),
      };
      onNote("the console proxy listens", place);
    } catch (error) {
      const what = `the console proxy can't listen on port ${place.port} of ${place.listenOn}`;
      if (what !== this.#told) onTrouble(what, error);
      this.#told = what;
      this.#retry = setTimeout(() => void this.move(), this.#patience.retryMs);
    }
  }

  #stopListening(): void {
    this.#listening?.unfollow();
    this.#listening?.server.close();
    this.#listening?.server.closeIdleConnections();
    this.#listening = undefined;
  }

  async #take(socket: WebSocket, address: string): Promise<void> {
    const { tokens, link, mirror, noteUse, onTrouble, onNote } = this.#options;
    const viewer = new Viewer(socket, {
      tokens,
      link,
      mirror,
      noteUse,
      onNote: (what, values) => onNote(what, { ...values, address }),
      enter: (grant) => this.#hasRoom(grant),
      onError: (error) => onTrouble("a console could not be opened or ended as it should", error),
    });
    const open: Open = { viewer, heardAt: performance.now() };
    this.#open.set(socket, open);
    socket.once("close", () => this.#open.delete(socket));
    const heard = () => {
      open.heardAt = performance.now();
    };
    socket.on("pong", heard);
    socket.on("message", heard);
    if (this.#closing.signal.aborted) viewer.end(endCodes.manager, "The manager ends; it may be back soon.");
    await viewer.begin();
  }

  #grants(): ConsoleGrant[] {
    return [...this.#open.values()].flatMap(({ viewer: { grant } }) => grant ?? []);
  }

  #hasRoom({ vmUuid, accountName }: ConsoleGrant): boolean {
    const all = this.#grants();
    const count = (isOne: (grant: ConsoleGrant) => boolean) => all.filter(isOne).length;
    return (
      all.length < most.all &&
      count((each) => each.vmUuid === vmUuid) < most.machine &&
      count((each) => each.accountName === accountName) < most.account
    );
  }

  #lookAtMachines(): void {
    for (const { viewer } of this.#open.values()) viewer.look();
  }

  #lookAtSessions(): void {
    const { sessionLives } = this.#options;
    for (const { viewer } of this.#open.values()) {
      const session = viewer.grant?.sessionUuid;
      if (session !== undefined && session !== null && !sessionLives(session))
        viewer.end(endCodes.session, "The session in which it was opened has ended.");
    }
  }

  #look(): void {
    this.#lookAtMachines();
    this.#lookAtSessions();
    const now = performance.now();
    for (const [socket, { heardAt, viewer }] of this.#open) {
      // What it says can't be heard while the host does not take what it has said before.
      if (socket.isPaused) continue;
      if (now - heardAt > this.#patience.idleMs) socket.terminate();
      else if (socket.readyState === socket.OPEN) socket.ping(undefined, undefined, () => undefined);
      const { grant, pump } = viewer;
      if (grant === undefined || pump === undefined || pump.isHeldUp) continue;
      if (now - pump.heardOfHost > this.#patience.quietMs) void this.#ask(grant.hostUuid);
    }
  }

  /** Whether a host from which nothing has come for a while is there: TCP alone would wait for a quarter of an hour. */
  async #ask(hostUuid: string): Promise<void> {
    if (this.#asked.has(hostUuid)) return;
    const host = this.#options.mirror.get("Host", hostUuid)?.value;
    this.#asked.add(hostUuid);
    const began = performance.now();
    try {
      if (host !== undefined) await this.#options.link.ping({ uuid: hostUuid, managementIp: host.managementIp });
    } catch {
      for (const { viewer } of this.#open.values())
        if (viewer.grant?.hostUuid === hostUuid && (viewer.pump?.heardOfHost ?? began) < began)
          viewer.end(endCodes.machine, "The machine's host does not answer: the machine may run or not.");
    } finally {
      this.#asked.delete(hostUuid);
    }
  }
}

/** Port 0 is any that is free, for tests. */
function boundPlace(server: Server, place: ProxyPlace): ProxyPlace {
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? { ...place, port: bound.port } : place;
}

/** @param retries for its own former place, which takes a moment to be free */
async function listen(server: Server, { listenOn: host, port }: ProxyPlace, retries: number): Promise<void> {
  for (let left = retries; ; left--)
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      if (left === 0 || errnoOf(error) !== "EADDRINUSE") throw error;
      await pause(50);
    }
}
