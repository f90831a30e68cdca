import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import type { NodeRole } from "../../../../core/model/facts.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { checkChange, writeRole } from "../../../../core/node/role/change.ts";
import { realWorld } from "../../../../core/node/role/world.ts";
import { temporaryFolder } from "../../../support/programs.ts";

describe("turning a node into another role", () => {
  const rows: [from: NodeRole, to: string, isReady: boolean, refusal?: string][] = [
    ["expert", "management", true],
    ["expert", "storage", false],
    ["compute", "management", true],
    ["compute", "storage", true],
    ["compute", "compute", false],
    ["management", "management", false],
    ["storage", "compute", false],
    ["storage", "compute", true, "ROLE.STORAGE"],
    ["management", "compute", true, "ROLE.MANAGEMENT"],
    ["management", "storage", false, "ROLE.MANAGEMENT"],
    ["none", "compute", false, "ROLE.NOT_A_NODE"],
    ["compute", "expert", true, "ROLE.EXPERT"],
    ["compute", "gateway", true, "ROLE.UNKNOWN"],
  ];
  for (const [from, to, isReady, refusal] of rows)
    it(`from ${from}${isReady ? "" : " that is not ready"} to ${to} is ${refusal === undefined ? "allowed" : `refused: ${refusal}`}`, () => {
      if (refusal === undefined) assert.equal(checkChange(from, to, isReady), to);
      else assert.throws(() => checkChange(from, to, isReady), { code: refusal });
    });

  it("keeps what else the node's file holds, and refuses a damaged one", async () => {
    const folder = temporaryFolder();
    const world = realWorld(realMachine(), folder.path);
    const file = path.join(folder.path, "etc/binnacle/node.json");
    await writeRole(world, "compute");
    fs.writeFileSync(file, '{ "role": "expert", "managementLink": "eno1", "later": [1] }');
    await writeRole(world, "storage");
    assert.deepEqual(JSON.parse(fs.readFileSync(file, "utf8")), {
      role: "storage",
      managementLink: "eno1",
      later: [1],
    });
    assert.equal(fs.statSync(file).mode & 0o777, 0o644);
    fs.writeFileSync(file, '{ "role": ');
    await assert.rejects(writeRole(world, "compute"), { code: "ROLE.NODE_FILE" });
    folder.dispose();
  });
});
