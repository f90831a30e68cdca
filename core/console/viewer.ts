import { type Duplex, finished } from "node:stream";
import type { WebSocket } from "ws";
import * as z from "zod/mini";
import { consoleEnd } from "../model/cloud/console.ts";
import { CloudError } from "../model/cloud/refusal.ts";
import { type End, type EndCode, endCodes, type Ready } from "../model/console-messages.ts";
import { jsonOrNothing } from "../model/json.ts";
import { Secret } from "../model/secret.ts";
import type { HostAddress } from "../orchestrator/host-link.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { Pump } from "./pump.ts";
import type { ConsoleGrant, ConsoleTokens } from "./tokens.ts";

/** The manager's way to consoles of its hosts. @throws CloudError HOST.1010, HOST.1011, HOST.1012 */
export interface ConsoleLink {
  openConsole(
    host: HostAddress,
    machineUuid: string,
    kind: ConsoleGrant["kind"],
    signal?: AbortSignal,
  ): Promise<Duplex>;
}

export type ViewerOptions = {
  tokens: ConsoleTokens;
  link: ConsoleLink;
  mirror: Mirror;
  /** Whether there is room for one more; takes it. */
  enter: (grant: ConsoleGrant) => boolean;
  /** The page has sent something: its session counts as used. */
  noteUse: (sessionUuid: string) => void;
  /** For the log: what was opened, and why it ended. */
  onNote: (what: string, values: object) => void;
  /** A token could not be ended in time; it ends later by itself. */
  onError: (error: unknown) => void;
};

const hello = z.strictObject({ token: z.string().check(z.maxLength(128)) });

/** Milliseconds: for the first message; for the host; for what was said last to arrive. */
const [helloMs, hostMs, lastMs] = [10_000, 20_000, 2_000];
/**
 * How long a machine's record may take to say why its console has ended; and while an operation runs on it, which ends
 * consoles before its own end: a move to another host, or a reboot.
 */
const [reasonMs, operationMs] = [3_000, 60_000];
/** RFC 6455, 5.5: what a close frame may hold, less its code. */
const longestReason = 123;

/** One page's WebSocket, from its first message to its end. */
export class Viewer {
  readonly #socket: WebSocket;
  readonly #options: ViewerOptions;
  readonly #gone = new AbortController();
  #opened: { grant: ConsoleGrant; pump: Pump } | undefined;
  #isEnding = false;

  constructor(socket: WebSocket, options: ViewerOptions) {
    this.#socket = socket;
    this.#options = options;
    // What is no WebSocket, or too much: it closes by itself.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#gone.abort());
  }

  /** What is open; undefined before, and after its end has begun. */
  get grant(): ConsoleGrant | undefined {
    return this.#isEnding ? undefined : this.#opened?.grant;
  }

  get pump(): Pump | undefined {
    return this.#opened?.pump;
  }

  get #about(): object {
    const { vmUuid, kind, accountName } = this.#opened?.grant ?? {};
    return { vmUuid, kind, accountName };
  }

  /** Resolves when the console is open, or will not be. Never rejects. */
  async begin(): Promise<void> {
    try {
      const token = await this.#firstMessage();
      if (token !== undefined) await this.#open(token);
    } catch (error) {
      this.end(
        endCodes.notOpened,
        error instanceof CloudError ? sentenceOf(error) : "The manager failed; see its log.",
      );
      if (!(error instanceof CloudError)) this.#options.onError(error);
    }
  }

  /** Says why, and closes; a page that does not listen is closed all the same. */
  end(code: EndCode, message: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#options.onNote("a console is ended", { ...this.#about, code, message });
    const last: End = { end: { code, message } };
    this.#socket.send(JSON.stringify(last), () => undefined);
    this.#socket.close(code, cut(message));
    // One that was held up would not see the other's answer.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.terminate(), lastMs);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** Closes when its machine's record says that it is over. */
  look(): void {
    const { grant } = this;
    const why = grant === undefined ? undefined : this.#whyOver(grant);
    if (why !== undefined) this.end(endCodes.machine, why);
  }

  #whyOver({ vmUuid, hostUuid }: ConsoleGrant): string | undefined {
    return consoleEnd(this.#options.mirror.get("VmInstance", vmUuid)?.value, hostUuid);
  }

  async #firstMessage(): Promise<Secret | undefined> {
    const text = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), helloMs);
      this.#socket.once("message", (data: Buffer, isBinary: boolean) => {
        clearTimeout(timer);
        resolve(isBinary ? undefined : data.toString("utf8"));
        // Nothing is to come before it was answered.
        this.#socket.on("message", this.#tooEarly);
      });
      this.#gone.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve(undefined);
      });
    });
    const parsed = hello.safeParse(jsonOrNothing(text ?? ""));
    if (parsed.success) return new Secret(parsed.data.token);
    this.end(endCodes.nonsense, "The first message was not a token.");
    return undefined;
  }

  readonly #tooEarly = () => this.end(endCodes.nonsense, "Something came before the console was open.");

  async #open(token: Secret): Promise<void> {
    const { tokens, mirror, link } = this.#options;
    const grant = await tokens.take(token);
    const machine = grant === undefined ? undefined : mirror.get("VmInstance", grant.vmUuid)?.value;
    const host = grant === undefined ? undefined : mirror.get("Host", grant.hostUuid)?.value;
    if (grant === undefined || machine === undefined || host === undefined)
      return this.end(endCodes.refused, "This way to the console was used, or is over: ask for another one.");
    if (!this.#options.enter(grant))
      return this.end(endCodes.tooMany, "As many consoles are open as there may be: close others first.");
    const signal = AbortSignal.any([this.#gone.signal, AbortSignal.timeout(hostMs)]);
    const address = { uuid: host.uuid, managementIp: host.managementIp };
    const stream = await link.openConsole(address, grant.vmUuid, grant.kind, signal);
    // Whichever ends first.
    stream.on("error", () => undefined);
    this.#gone.signal.addEventListener("abort", () => stream.destroy(), { once: true });
    if (this.#gone.signal.aborted || this.#isEnding) return void stream.destroy();
    const again = await tokens.again(grant);
    this.#gone.signal.addEventListener("abort", () => void tokens.released(again).catch(this.#options.onError), {
      once: true,
    });
    if (this.#gone.signal.aborted || this.#isEnding) return void tokens.released(again).catch(this.#options.onError);
    this.#carry(grant, stream, { name: machine.name, uuid: machine.uuid, kind: grant.kind, again: again.reveal() });
  }

  #carry(grant: ConsoleGrant, stream: Duplex, ready: Ready["ready"]): void {
    const { noteUse } = this.#options;
    this.#socket.off("message", this.#tooEarly);
    this.#socket.on("message", (_data: Buffer, isBinary: boolean) => {
      if (!isBinary) this.end(endCodes.nonsense, "A text came where the console's bytes were to be.");
    });
    const said: Ready = { ready };
    this.#socket.send(JSON.stringify(said), () => undefined);
    const pump = new Pump(this.#socket, stream, () => {
      if (grant.sessionUuid !== null) noteUse(grant.sessionUuid);
    });
    this.#opened = { grant, pump };
    this.#options.onNote("a console is opened", this.#about);
    finished(stream, { writable: false }, () => this.#hostEnded(grant));
    this.look();
  }

  /** The record of the machine comes to say why within a moment, when the machine has stopped. */
  #hostEnded(grant: ConsoleGrant): void {
    this.look();
    if (this.#isEnding || this.#gone.signal.aborted) return;
    const began = performance.now();
    const timer = setInterval(() => {
      this.look();
      const { operation = null } = this.#options.mirror.get("VmInstance", grant.vmUuid)?.value ?? {};
      const isRunning = operation !== null && performance.now() - began < operationMs;
      if (!isRunning)
        this.end(
          endCodes.host,
          "The machine's host has ended the console: the machine was restarted, or its agent was.",
        );
    }, reasonMs);
    this.#gone.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }
}

/** What of an error a person at the page can use; the agent's own words where there are some. */
function sentenceOf(error: CloudError): string {
  const { cause } = error;
  const words = cause instanceof Error && "code" in cause && "remedy" in cause ? cause.message : error.refusal.details;
  return `The console could not be opened: ${words}`;
}

function cut(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= longestReason) return text;
  // Not in the middle of a character.
  return new TextDecoder().decode(bytes.subarray(0, longestReason - 6)).replace(/\ufffd$/, "");
}
