/**
 * Who is next: first what has begun already, then one of each lane in turn, so that a thousand entries of one lane
 * hold up another lane's by one place only. Within a lane the order is that of coming.
 */
export class FairQueue<Item> {
  readonly #begun: Item[] = [];
  /** In the order of their turns: a lane that had its turn goes to the end. */
  readonly #lanes = new Map<string, Item[]>();

  add(lane: string, item: Item): void {
    const items = this.#lanes.get(lane);
    if (items === undefined) this.#lanes.set(lane, [item]);
    else items.push(item);
  }

  addBegun(item: Item): void {
    this.#begun.push(item);
  }

  /** Takes the next one out; undefined when nothing waits. */
  next(): Item | undefined {
    const begun = this.#begun.shift();
    if (begun !== undefined) return begun;
    for (const [lane, items] of this.#lanes) {
      const item = items.shift();
      this.#lanes.delete(lane);
      if (items.length > 0) this.#lanes.set(lane, items);
      return item;
    }
    return undefined;
  }
}
