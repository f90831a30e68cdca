import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { ensureBuilt } from "../../../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import { NetworkBed } from "../../../support/network/bed.ts";
import { bedNode } from "../../../support/network/bed-node.ts";
import { campaign, type Result } from "../../../support/network/campaign.ts";
import { campaignTable } from "../../../support/network/campaign-table.ts";
import { guestNode } from "../../../support/network/guest-node.ts";
import { NetworkGuest } from "../../../support/vm/network-guest.ts";

/*
 * More than two hundred random changes with a random fault in each: most on the bed of namespaces, where one takes some
 * seconds, the others on a whole machine. BINNACLE_TEST_SEED repeats the choices of a former run, though not the
 * machine's own timing.
 */

const onNamespaces = {
  none: 14,
  "agent killed": 28,
  "power cut": 28,
  "cable pulled": 20,
  "NetworkManager killed": 28,
  "NetworkManager stopped": 20,
  "NetworkManager hangs": 6,
  "disk full": 10,
  "disk full later": 22,
};
const onGuest = {
  none: 2,
  "agent killed": 4,
  "power cut": 16,
  "cable pulled": 4,
  "NetworkManager killed": 4,
  "NetworkManager stopped": 3,
  "disk full later": 3,
};

const why = await whyNot([emulator, root]);

describe("after random changes with random faults the node answers at its old or its new address", {
  skip: skipFor(why),
}, () => {
  let folder: string;
  const results: Result[] = [];

  before(() => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
  });
  after(() => {
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("in namespaces", async (t) => {
    const own = path.join(folder, "namespaces");
    fs.mkdirSync(own);
    const bed = new NetworkBed(own);
    t.after(() => bed.stop());
    await bed.startWithManagement();
    results.push(...(await campaign(t, await bedNode(bed), onNamespaces)));
  });

  it("on a whole machine", async (t) => {
    const own = path.join(folder, "guest");
    fs.mkdirSync(own);
    await ensureBuilt();
    const guest = NetworkGuest.make(own);
    t.after(() => guest.stop());
    await guest.powerOn();
    results.push(...(await campaign(t, await guestNode(guest), onGuest)));
    t.diagnostic(campaignTable(results));
  });
});
