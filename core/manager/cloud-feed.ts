import { summary } from "../orchestrator/calls/readers.ts";
import type { Mirror, MirrorChange } from "../orchestrator/mirror.ts";

/** What became of one resource, as JSON that is made once for all who are told. */
export class ToldChange {
  readonly kind: string;
  readonly #change: { kind: string; uuid: string; inventory: unknown };
  #json: string | undefined;

  constructor({ kind, key, after }: MirrorChange) {
    this.kind = kind;
    this.#change = { kind, uuid: key, inventory: after?.value ?? null };
  }

  get json(): string {
    this.#json ??= JSON.stringify(this.#change);
    return this.#json;
  }
}

export type Follower = {
  /** Kinds whose changes it is told of. */
  readonly kinds: ReadonlySet<string>;
  /** `summary`: of the cloud as it is now, as JSON. `changes`: of each resource the last one, by kind and uuid. */
  tell(summary: string, changes: ReadonlyMap<string, ToldChange>): void;
};

/** Changes that follow each other closely are told together: a screen can't show more, a slow line not carry more. */
const gatherMs = 250;

/** What happens in the cloud, gathered once however many follow it. */
export class CloudFeed {
  readonly #mirror: Mirror;
  readonly #followers = new Set<Follower>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changes = new Map<string, ToldChange>();
  #summary: { revision: number; json: string } | undefined;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  /** Tells what happens from now on. Returns what ends that. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    this.#unsubscribe ??= this.#mirror.subscribe((changes) => this.#gather(changes));
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size > 0) return;
      this.#unsubscribe?.();
      clearTimeout(this.#timer);
      [this.#unsubscribe, this.#timer, this.#changes] = [undefined, undefined, new Map()];
    };
  }

  /** Of the cloud as it is now, as JSON. */
  summary(): string {
    const { revision } = this.#mirror;
    if (this.#summary?.revision !== revision) this.#summary = { revision, json: JSON.stringify(summary(this.#mirror)) };
    return this.#summary.json;
  }

  #gather(changes: readonly MirrorChange[]): void {
    for (const change of changes) {
      const isWanted = this.#followers.values().some(({ kinds }) => kinds.has(change.kind));
      if (isWanted) this.#changes.set(`${change.kind}/${change.key}`, new ToldChange(change));
    }
    this.#timer ??= setTimeout(() => this.#tell(), gatherMs);
  }

  #tell(): void {
    this.#timer = undefined;
    const changes = this.#changes;
    this.#changes = new Map();
    const text = this.summary();
    for (const follower of [...this.#followers]) follower.tell(text, changes);
  }
}
