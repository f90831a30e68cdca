import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import type { NetworkBed } from "../../../support/network/bed.ts";
import { address, ChangingNode, profile, profileFile, profileFolder } from "../../../support/network/changing.ts";

/* Changes of the network on a real NetworkManager, with a card or the disk going away in between. */

const why = await whyNot([root]);

describe("a change of the network", { skip: skipFor(why) }, () => {
  let node: ChangingNode;
  let bed: NetworkBed;

  beforeEach(async () => {
    assert.equal(why, undefined);
    node = await ChangingNode.start();
    bed = node.bed;
  });
  afterEach(() => node?.stop());

  const succeeds = (command: string, ...args: string[]) => {
    const { code, stderr } = bed.run(command, args);
    assert.equal(code, 0, stderr);
  };
  const makeReadOnly = () => {
    succeeds("mount", "--bind", "/etc", "/etc");
    succeeds("mount", "-o", "remount,ro,bind", "/etc");
  };
  /** The code with which the agent refuses to begin. */
  const refusal = (error: unknown) => (error instanceof NodeError ? error.code : String(error));

  it("of a card that is pulled out while it waits goes back, and another change can begin", async () => {
    const begun = await node.begin([address("eth1", "10.0.1.5", null)], "confirm", 10);
    await node.waiting(begun);
    succeeds("ip", "link", "delete", "eth1");
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "timeout"], JSON.stringify(ended));
    await node.holds("10.0.0.5");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);

    const next = await node.begin([address("eth0", "10.0.0.9")], "probes");
    assert.equal((await node.end(next)).phase, "committed");
    await node.holds("10.0.0.9");
  });

  it("of the management network's card, pulled out while it waits, says that the old network is not back, and keeps it for the next start", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await node.waiting(begun);
    succeeds("ip", "link", "delete", "eth0");
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.error?.code], ["failed", "NET.NOT_BACK"], JSON.stringify(ended));
    assert.equal(bed.read(profileFile), profile);
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    // It is plugged in again with the next start, say.
    await bed.powerCut();
    await bed.powerOn();
    await node.startAgent();
    await node.holds("10.0.0.5");
  });

  it("of a card that was pulled out before is told what is missing", async () => {
    succeeds("ip", "link", "delete", "eth2");
    const told = await node.begin([address("eth2", "10.0.1.5", null)], "confirm").then(() => "begun", refusal);
    assert.match(told, /^NET\./);
    await node.holds("10.0.0.5");
  });

  it("on a disk that can't be written does not begin, and says why", async () => {
    makeReadOnly();
    const told = await node
      .begin([address("eth0", "10.0.0.9")], "probes")
      .then((begun) => node.end(begun).then(({ phase, error }) => `${phase} ${error?.code}`), refusal);
    assert.match(told, /^(rolledBack )?NET\./, told);
    await node.holds("10.0.0.5");
    assert.equal(bed.read(profileFile), profile);
  });

  it("that can't be written any more when it is kept goes back, and says why", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 30);
    await node.waiting(begun);
    makeReadOnly();
    await node.client.call("keepNetwork", { params: { id: begun.id } }).catch(() => undefined);
    const ended = await node.end(begun);
    assert.equal(ended.phase, "rolledBack", JSON.stringify(ended));
    assert.match(ended.error?.code ?? "", /^NET\./, JSON.stringify(ended));
    await node.holds("10.0.0.5");
    assert.equal(bed.read(profileFile), profile);
  });

  it("leaves a file alone that nobody can read, and works beside it", async () => {
    bed.write(`${profileFolder}/broken.nmconnection`, "[connection\nid=\0broken\n", 0o600);
    const begun = await node.begin([address("eth0", "10.0.0.9")], "probes");
    const ended = await node.end(begun);
    assert.equal(ended.phase, "committed", JSON.stringify(ended));
    await node.holds("10.0.0.9");
    assert.equal(bed.read(`${profileFolder}/broken.nmconnection`), "[connection\nid=\0broken\n");
  });
});
