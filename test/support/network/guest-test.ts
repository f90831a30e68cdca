import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { hasEnded, type NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { installPackages } from "../../../scripts/dev/test-packages.ts";
import { NetworkGuest } from "../vm/network-guest.ts";

/** The table of the bonds in the worked example. Source: the network specification, "The commands". */
export const lacpTable = `-----------------------------------------------------------------------------
| Bond Name | SLAVE(s)      | BONDING_OPTS                               |
-----------------------------------------------------------------------------
| bond0     | p5p1          | miimon=100 mode=4 xmit_hash_policy=layer2+3 |
|           | p5p2          |                                             |
-----------------------------------------------------------------------------`;

/** Why no guest can run here. */
export async function whyNoGuest(): Promise<string | undefined> {
  if (process.arch !== "x64") return "the guest is an x86_64 machine, and this one is not";
  if (process.getuid?.() !== 0) return "needs root, to build a file tree with its owners";
  const absent = await installPackages("long");
  return absent.length === 0 ? undefined : `needs the packages ${absent.map(({ name }) => name).join(", ")}`;
}

export type GuestTools = {
  guest(): NetworkGuest;
  /** Runs a command of the node, which must end with that status; gives what it has printed, errors too. */
  zs(command: string, status?: number): Promise<string>;
  /** Carries out what no command can, through the API: kept by itself, or taken back as soon as it waits. */
  change(operations: NetworkOperation[], keep: "probes" | "rollBack"): Promise<NetworkTransaction>;
};

const why = await whyNoGuest();
const isCi = process.env["CI"] === "true";

/** Tests on one guest, whose network is the first one again before each of them. */
export function describeOnGuest(name: string, tests: (tools: GuestTools) => void): void {
  describe(name, { skip: why !== undefined && !isCi ? why : false }, () => {
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
      async change(operations, keep) {
        const client = guest().client();
        const body = { operations, keep: keep === "probes" ? keep : ("confirm" as const), seconds: 20 };
        const { id } = await client.call("changeNetwork", { body });
        for (;;) {
          const transaction = await client.call("networkChange", { params: { id } });
          if (hasEnded(transaction)) return transaction;
          if (keep === "rollBack" && transaction.phase === "waiting")
            await client.call("rollBackNetwork", { params: { id } }).catch(() => undefined);
          await pause(100);
        }
      },
    });
  });
}
