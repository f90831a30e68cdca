import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { hasEnded, type NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../bed-needs.ts";
import { NetworkGuest } from "../vm/network-guest.ts";

/** The table of the bonds in the worked example. Source: the network specification, "The commands". */
export const lacpTable = `-----------------------------------------------------------------------------
| Bond Name | SLAVE(s)      | BONDING_OPTS                               |
-----------------------------------------------------------------------------
| bond0     | p5p1          | miimon=100 mode=4 xmit_hash_policy=layer2+3 |
|           | p5p2          |                                             |
-----------------------------------------------------------------------------`;

export type GuestTools = {
  guest(): NetworkGuest;
  /** Runs a command of the node, which must end with that status; gives what it has printed, errors too. */
  zs(command: string, status?: number): Promise<string>;
  /**
   * Carries out what no command can, through the API: kept by itself, or taken back as soon as it waits and a probe has
   * said `told`.
   */
  change(operations: NetworkOperation[], keep: "probes" | "rollBack", told?: string): Promise<NetworkTransaction>;
};

const why = await whyNot([emulator, root]);

/** Tests on one guest, whose network is the first one again before each of them. */
export function describeOnGuest(name: string, tests: (tools: GuestTools) => void): void {
  describe(name, { skip: skipFor(why) }, () => {
    let folder: string;
    let made: NetworkGuest | undefined;
    const guest = () => {
      if (made === undefined) throw new Error("There is no guest.");
      return made;
    };
    before(async () => {
      assert.equal(why, undefined);
      folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
      await ensureBuilt();
      made = NetworkGuest.make(folder);
      await made.powerOn();
    });
    after(async () => {
      await made?.stop();
      if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });
    beforeEach(() => guest().reset());
    tests({
      guest,
      async zs(command, status = 0) {
        const answer = await guest().try(command, 180_000);
        assert.equal(answer.status, status, `${command} printed: ${answer.output}\n${await guest().evidence()}`);
        return answer.output;
      },
      async change(operations, keep, told) {
        const client = guest().client();
        const body = { operations, keep: keep === "probes" ? keep : ("confirm" as const), seconds: 60 };
        const { id } = await client.call("changeNetwork", { body });
        for (;;) {
          const transaction = await client.call("networkChange", { params: { id } });
          if (hasEnded(transaction)) return transaction;
          const isTold = told === undefined || transaction.probes.some(({ description }) => description === told);
          if (keep === "rollBack" && transaction.phase === "waiting" && isTold)
            await client.call("rollBackNetwork", { params: { id } }).catch(() => undefined);
          await pause(100);
        }
      },
    });
  });
}
