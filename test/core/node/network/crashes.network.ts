import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { it } from "node:test";
import { root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import { NetworkBed } from "../../../support/network/bed.ts";
import { bedNode } from "../../../support/network/bed-node.ts";
import { campaign } from "../../../support/network/campaign.ts";

/* A sample of `faults.network.ts`, on the bed of namespaces. */

const why = await whyNot([root]);

it("random changes leave the node at its old or its new address, whatever happens meanwhile", {
  skip: skipFor(why),
}, async (t) => {
  assert.equal(why, undefined);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
  const bed = new NetworkBed(folder);
  t.after(async () => {
    await bed.stop();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  await bed.startWithManagement();
  const counts = {
    none: 2,
    "agent killed": 3,
    "power cut": 3,
    "cable pulled": 2,
    "NetworkManager killed": 3,
    "NetworkManager stopped": 2,
    "disk full": 1,
    "disk full later": 2,
  };
  await campaign(t, await bedNode(bed), counts);
});
