import { type ArchiveKind, type Serving, servingMinutes } from "../../model/archives.ts";
import { NodeError } from "../../model/error.ts";
import type { Facts } from "../../model/facts.ts";
import { valueOf } from "../../model/reading.ts";
import { filesOf, findArchive, shelfOf } from "../archives/shelf.ts";
import type { ArchivePaths } from "../archives/world.ts";
import type { Audit } from "../audit.ts";
import type { Machine } from "../machine.ts";
import { Turns } from "../turns.ts";
import type { Firewall } from "./firewall.ts";
import { type FileServer, newToken, startFileServer } from "./server.ts";

/** Source: the README of this room, "Port". */
const usualPort = 7071;
const minuteMs = 60_000;
/** More than the management address and a few others is no help on a screen. */
const mostAddresses = 4;

export type DeskOptions = {
  machine: Machine;
  paths: ArchivePaths;
  firewall: Firewall;
  audit: Audit;
  facts: () => Facts;
  /** A preview: only this machine itself can fetch. */
  local: boolean;
  onTrouble: (what: string, error: unknown) => void;
};

type Open = { serving: Serving; server: FileServer; cancelTimer: () => void };
type EndReason = "asked" | "time" | "replaced" | "deleted" | "agent";

/** Hands out one archive at a time, for a while, to whoever has its address. */
export class ServingDesk {
  readonly #options: DeskOptions;
  readonly #turns = new Turns();
  #open: Open | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** What can be fetched now. */
  get current(): Serving | null {
    return this.#open === undefined ? null : this.#open.serving;
  }

  /** A former agent may have ended without closing its port. */
  async recover(): Promise<void> {
    if (!this.#options.local) await this.#options.firewall.closeAll();
  }

  /**
   * Hands out this archive, in place of another one.
   *
   * @throws NodeError ARCHIVE.UNKNOWN, SERVE.NO_PORT
   */
  start(kind: ArchiveKind, name: string, console: string): Promise<Serving> {
    const { audit, paths, local, facts } = this.#options;
    return this.#turns.take(() =>
      audit.audited(
        { console, action: "serve.start", detail: name },
        async () => {
          await findArchive(paths, kind, name);
          await this.#end("replaced", console);
          const token = newToken();
          const server = await startFileServer({
            share: { root: shelfOf(paths, kind), names: filesOf(kind, name) },
            token,
            ports: local ? [0] : [usualPort, 0],
            ...(local ? { host: "127.0.0.1" } : {}),
            onAnswer: (answered) => {
              if (answered === "file") this.#count("downloads");
            },
            onWrong: (from) => this.#wrong(from),
            onTrouble: (error) => this.#options.onTrouble("an archive was not handed out", error),
          });
          const { port } = server;
          const hosts = local ? ["127.0.0.1"] : addressesOf(facts());
          const seconds = servingMinutes.initial * 60;
          const firewall = local ? "none" : await this.#options.firewall.open(port, seconds);
          const serving: Serving = {
            kind,
            name,
            console,
            addresses: hosts.map((host) => `http://${host}:${port}/${token}/`),
            port,
            endsAt: this.#options.machine.now() + seconds * 1000,
            downloads: 0,
            wrong: 0,
            firewall,
            local,
          };
          this.#open = { serving, server, cancelTimer: this.#timer(seconds * 1000) };
          return serving;
        },
        ({ port, firewall }) => ({ detail: `${name}: port ${port}, firewall ${firewall}` }),
      ),
    );
  }

  /** Another hour from now, or what was left of a longer time. @throws NodeError SERVE.ENDED */
  prolong(console: string): Promise<Serving> {
    const { audit, machine, firewall } = this.#options;
    return this.#turns.take(async () => {
      const open = this.#require();
      return audit.audited({ console, action: "serve.prolong", detail: open.serving.name }, async () => {
        const left = Math.max(open.serving.endsAt - machine.now(), 0);
        const ms = Math.min(left + servingMinutes.initial * minuteMs, servingMinutes.most * minuteMs);
        const state = open.serving.local ? "none" : await firewall.open(open.serving.port, ms / 1000);
        open.cancelTimer();
        open.cancelTimer = this.#timer(ms);
        open.serving = { ...open.serving, firewall: state, endsAt: machine.now() + ms };
        return open.serving;
      });
    });
  }

  /** Ends it now. Nothing when nothing is handed out. */
  end(console: string): Promise<void> {
    return this.#turns.take(() => this.#end("asked", console));
  }

  /** The archive is about to be deleted. */
  release(kind: ArchiveKind, name: string, console: string): Promise<void> {
    return this.#turns.take(async () => {
      const serving = this.#open?.serving;
      if (serving?.kind === kind && serving.name === name) await this.#end("deleted", console);
    });
  }

  /** The agent ends. */
  close(): Promise<void> {
    return this.#turns.take(() => this.#end("agent"));
  }

  async #end(why: EndReason, console?: string): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    open.cancelTimer();
    const { name, port, downloads, wrong, local } = open.serving;
    await open.server.close().catch((error: unknown) => this.#options.onTrouble("an archive's port", error));
    if (!local) await this.#options.firewall.close(port);
    const detail = `${name}: ${why}, files fetched ${downloads}, wrong addresses ${wrong}`;
    const entry = { action: "serve.end", result: "ok", before: null, after: null, detail } as const;
    // What can't be written is in the log then.
    await this.#options.audit.append({ console: console ?? open.serving.console, ...entry }).catch(() => undefined);
  }

  #timer(ms: number): () => void {
    return this.#options.machine.after(ms, () => void this.#turns.take(() => this.#end("time")));
  }

  #require(): Open {
    if (this.#open !== undefined) return this.#open;
    throw new NodeError("SERVE.ENDED", "Nothing can be fetched any more.", { remedy: "Open the address anew." });
  }

  #count(what: "downloads" | "wrong"): number {
    const open = this.#open;
    if (open === undefined) return 0;
    open.serving = { ...open.serving, [what]: open.serving[what] + 1 };
    return open.serving[what];
  }

  /** The first, the tenth, the hundredth: somebody who tries addresses must not fill the audit log. */
  #wrong(from: string): void {
    const name = this.#open?.serving.name ?? "";
    const count = this.#count("wrong");
    if (!/^10*$/.test(String(count))) return;
    const detail = `${name}: wrong address asked for by ${from.replace(/^::ffff:/, "")}, ${count} so far`;
    const entry = { console: "network", action: "serve.wrong", result: "refused", before: null, after: null } as const;
    void this.#options.audit.append({ ...entry, detail }).catch(() => undefined);
  }
}

/** Where this node can be reached, as hosts of URLs: the management network first, IPv4 before IPv6. */
export function addressesOf(facts: Facts): string[] {
  const links = (valueOf(facts.network)?.links ?? []).filter(({ kind }) => kind !== "loopback");
  const found = links.flatMap((link) =>
    link.addresses
      .filter(({ scope }) => scope === "global")
      .map(({ family, address }) => ({
        host: family === "inet6" ? `[${address}]` : address,
        rank: (link.management ? 0 : 2) + (family === "inet6" ? 1 : 0),
      })),
  );
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, mostAddresses)
    .map(({ host }) => host);
}
