import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { Secret } from "../../../core/model/secret.ts";
import { mirroredKinds } from "../../../core/orchestrator/kinds.ts";
import { refuses } from "../store/conformance.ts";
import { consoleCloud } from "./bed.ts";

const [right, wrong] = ["pumpernickel 3", "pumpernickel 4"];

test("consoles of a machine with a password are opened with it only, from then on and until it is taken away", async (t) => {
  const { call, client, token, uuid, newMachine, cloud, records } = await consoleCloud(t);
  const other = await newMachine("db");
  const before = await token();
  const { inventory } = await call("SetVmConsolePassword", { uuid, consolePassword: right });
  assert.deepEqual([inventory.state, inventory.operation], ["Running", null]);
  assert.equal(await cloud.consoleTokens.take(new Secret(before)), undefined, "what was given before is over");
  const access = (consolePassword?: string, kind: "serial" | "vnc" = "serial") =>
    call("RequestConsoleAccess", {
      vmInstanceUuid: uuid,
      kind,
      ...(consolePassword === undefined ? {} : { consolePassword }),
    });
  for (const kind of ["serial", "vnc"] as const) {
    await refuses(access(undefined, kind), "VM.1044");
    const refusal = await refuses(access(wrong, kind), "VM.1043");
    assert.ok(refusal instanceof CloudError);
  }
  assert.equal(records().length, 0);
  const page = client();
  assert.equal((await page.open((await access(right)).inventory.token)).name, "web");
  await token(other);
  await call("SetVmConsolePassword", { uuid, consolePassword: wrong });
  await refuses(access(right), "VM.1043");
  await access(wrong);
  await call("DeleteVmConsolePassword", { uuid });
  await token();
  await call("DeleteVmConsolePassword", { uuid });
});

test("of many wrong passwords that come together few are tried, and then the account has to wait, but no other machine's", async (t) => {
  const { call, uuid, newMachine, token } = await consoleCloud(t);
  await call("SetVmConsolePassword", { uuid, consolePassword: right });
  const access = (consolePassword: string) =>
    call("RequestConsoleAccess", { vmInstanceUuid: uuid, kind: "serial", consolePassword });
  const tried = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => access(`${wrong}${n}`)));
  const codes = tried.map((each) => (each.status === "rejected" ? String(each.reason.code) : "opened"));
  assert.deepEqual(new Set(codes), new Set(["VM.1043", "VM.1045"]));
  assert.ok(codes.filter((code) => code === "VM.1043").length <= 5, codes.join());
  await refuses(access(right), "VM.1045");
  await token(await newMachine("db"));
});

test("the password is in no record, no answer, no audit and no command, and goes with its machine", async (t) => {
  const { call, done, uuid, cloud, hosts } = await consoleCloud(t);
  await call("SetVmConsolePassword", { uuid, consolePassword: right });
  await refuses(
    call("RequestConsoleAccess", { vmInstanceUuid: uuid, kind: "serial", consolePassword: wrong }),
    "VM.1043",
  );
  await refuses(call("SetVmConsolePassword", { uuid, consolePassword: `${right}\u0007` }), "SYS.1001");
  await refuses(call("SetVmConsolePassword", { uuid, consolePassword: "short" }), "SYS.1001");
  const { command } = hosts.link;
  const told: unknown[] = [];
  hosts.link.command = (host, what, how) => {
    told.push(what);
    return command(host, what, how);
  };
  for (const name of ["StopVmInstance", "StartVmInstance"] as const)
    assert.equal((await done(name, { uuid })).state, "Succeeded");
  const { inventories } = await call("QueryAuditRecord", {});
  assert.ok(inventories.some(({ name }) => name === "SetVmConsolePassword"));
  const kept = mirroredKinds.flatMap((kind) => [...cloud.mirror.entries(kind)]);
  const all = JSON.stringify([inventories, kept, told, (await call("QueryVmInstance", {})).inventories]);
  assert.doesNotMatch(all, /pumpernickel/);
  assert.equal(cloud.mirror.count("ConsolePassword"), 1);
  await call("LockVmInstance", { uuid });
  await refuses(call("DeleteVmConsolePassword", { uuid }), "VM.1003");
  await call("UnlockVmInstance", { uuid });
  for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const)
    assert.equal((await done(name, { uuid })).state, "Succeeded");
  assert.equal(cloud.mirror.count("ConsolePassword"), 0);
});
