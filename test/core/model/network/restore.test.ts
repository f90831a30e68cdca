import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NetworkHardware } from "../../../../core/model/network/configuration.ts";
import { cardsOf, withFormerNames } from "../../../../core/model/network/restore.ts";

const card = (name: string, mac: string | null) => ({ name, mac, speedMbps: null, carrier: null, maxMtu: null });
const hardware = (...links: NetworkHardware["links"]): NetworkHardware => ({ links, otherNames: [] });
const [one, two] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
const restore = { do: "restore" as const, id: "a" };

describe("going back to an earlier configuration", () => {
  it("gives a card that was renamed since its former name first", () => {
    const saved = () => ({ cards: cardsOf(hardware(card("p5p1", one), card("p5p2", two))) });
    assert.deepEqual(withFormerNames([restore], saved, hardware(card("lan0", one), card("p5p2", two))), [
      { do: "rename", link: "lan0", to: "p5p1" },
      restore,
    ]);
  });

  it("renames nothing when no card has another name, is gone, or can't be told from another", () => {
    const saved = () => ({ cards: { p5p1: one, p5p2: two } });
    const now = hardware(card("p5p1", one), card("x", null));
    assert.deepEqual(withFormerNames([restore], saved, now), [restore]);
    const twins = hardware(card("lan0", one), card("lan1", one));
    assert.deepEqual(withFormerNames([restore], saved, twins), [restore]);
  });

  it("is left alone where nobody knows the cards, as are other operations", () => {
    const rename = { do: "rename" as const, link: "a", to: "b" };
    assert.deepEqual(
      withFormerNames([rename, restore], () => undefined, hardware()),
      [rename, restore],
    );
  });
});
