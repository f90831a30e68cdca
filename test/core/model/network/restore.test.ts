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

  const renamesTo = (then: Record<string, string>, now: Record<string, string>) => {
    const cards = Object.entries(now).map(([name, mac]) => card(name, mac));
    return withFormerNames([restore], () => ({ cards: then }), hardware(...cards)).flatMap((each) =>
      each.do === "rename" ? [`${each.link} ${each.to}`] : [],
    );
  };

  it("gives a name when the card that has it has given it up", () => {
    assert.deepEqual(renamesTo({ eth1: one, lan0: two }, { eth0: one, eth1: two }), ["eth1 lan0", "eth0 eth1"]);
    assert.deepEqual(renamesTo({ lan0: two, eth1: one }, { eth0: one, eth1: two }), ["eth1 lan0", "eth0 eth1"]);
  });

  it("lets names that have changed places do so once more, which is for a change to refuse", () => {
    assert.deepEqual(renamesTo({ eth0: one, eth1: two }, { eth0: two, eth1: one }), [
      "eth1 binnacle-spare",
      "eth0 eth1",
      "binnacle-spare eth0",
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
