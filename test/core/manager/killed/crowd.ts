import type { RootClient } from "../../../support/cloud/root-client.ts";
import { Random } from "../../../support/random.ts";
import { type Book, Client } from "./client.ts";
import type { Person } from "./people.ts";

/** Clients that work at the same time, over the ends of the manager, until they are told to pause or to end. */
export class Crowd {
  /** Rejects when one of them has met something wrong; resolves when all have ended. */
  readonly working: Promise<unknown>;
  readonly #size: number;
  #serving = Promise.withResolvers<void>();
  #gate = Promise.withResolvers<void>();
  #waiting = 0;
  #told: () => void = () => undefined;
  #isEnding = false;

  constructor(people: Readonly<Record<string, Person>>, random: Random, book: Book, door: RootClient) {
    const all = Object.entries(people);
    this.#size = all.length;
    this.#serving.resolve();
    this.#gate.resolve();
    const serving = () => this.#serving.promise;
    this.working = Promise.all(
      all.map(([name, person]) =>
        this.#work(person, new Client({ name, random: new Random(random.below(2 ** 31)), book, door, serving })),
      ),
    );
    this.working.catch(() => undefined);
  }

  /** Nobody serves from now on: who gets no answer waits. */
  down(): void {
    // Of those that wait already, nobody is forgotten.
    this.#serving.resolve();
    this.#serving = Promise.withResolvers<void>();
  }

  up(): void {
    this.#serving.resolve();
  }

  /** Resolves when each has done what it is at. */
  async pause(): Promise<void> {
    this.#gate = Promise.withResolvers<void>();
    const all = new Promise<void>((resolve) => {
      this.#told = () => this.#waiting === this.#size && resolve();
    });
    this.#told();
    await Promise.race([all, this.working]);
  }

  goOn(): void {
    this.#gate.resolve();
  }

  /** Resolves when all have ended, after what they are at. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.goOn();
    await this.working;
  }

  /** They end wherever they are. */
  abandon(): void {
    const over = Promise.reject(new Error("The test is over."));
    over.catch(() => undefined);
    this.#isEnding = true;
    this.#serving.resolve();
    this.#serving = { ...Promise.withResolvers<void>(), promise: over };
    this.goOn();
  }

  async #work(person: Person, client: Client): Promise<void> {
    for (;;) {
      this.#waiting += 1;
      this.#told();
      await this.#gate.promise;
      this.#waiting -= 1;
      if (this.#isEnding) return;
      await person(client);
    }
  }
}
