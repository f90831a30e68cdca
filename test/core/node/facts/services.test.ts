import assert from "node:assert/strict";
import { test } from "node:test";
import { noCloud } from "../../../../core/node/cloud/feed.ts";
import { managementOf, managementSource } from "../../../../core/node/facts/management.ts";
import { parseUnits } from "../../../../core/node/facts/services.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { answering } from "./hand-machine.ts";

const unit = (id: string, more: Record<string, string> = {}) =>
  Object.entries({
    Id: id,
    Description: "Something = else",
    LoadState: "loaded",
    ActiveState: "active",
    SubState: "running",
    MainPID: "1412",
    StateChangeTimestamp: "@1795165941",
    NRestarts: "0",
    ...more,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");

test("units that exist, by name, with process, time and restarts", () => {
  const text = [unit("ssh.service", { NRestarts: "3" }), unit("chrony.service", { MainPID: "0" })].join("\n\n");
  assert.deepEqual(parseUnits(`${text}\n`), [
    {
      unit: "chrony.service",
      description: "Something = else",
      active: "active",
      sub: "running",
      pid: null,
      since: 1_795_165_941_000,
      restarts: 0,
    },
    {
      unit: "ssh.service",
      description: "Something = else",
      active: "active",
      sub: "running",
      pid: 1412,
      since: 1_795_165_941_000,
      restarts: 3,
    },
  ]);
});

test("units that are not installed are left out, those that never ran have no time", () => {
  const text = [
    unit("lldpd.service", { LoadState: "not-found", ActiveState: "inactive" }),
    unit("cron.service", { ActiveState: "inactive", SubState: "dead", MainPID: "0", StateChangeTimestamp: "" }),
  ].join("\n\n");
  assert.deepEqual(
    parseUnits(text).map((one) => [one.unit, one.active, one.since]),
    [["cron.service", "inactive", null]],
  );
});

test("a mount or timer that failed has no process and no restarts", () => {
  const [failed] = parseUnits(
    "Id=data.mount\nDescription=/data\nLoadState=loaded\nActiveState=failed\nSubState=failed\n",
  );
  assert.deepEqual([failed?.active, failed?.pid, failed?.restarts], ["failed", null, 0]);
});

test("something that is no list of units is nonsense; no unit at all is an empty list", () => {
  assert.throws(() => parseUnits("Unknown option\n"), FactMissing);
  assert.deepEqual(parseUnits(""), []);
});

test("a manager that runs, that is stopped, and that is not installed are three things", () => {
  const services = parseUnits(
    [unit("binnacle-manager.service"), unit("binnacle-ui.service", { ActiveState: "failed" })].join("\n\n"),
  );
  assert.deepEqual(managementOf(services, "10.0.0.5:5000"), {
    service: "running",
    pid: 1412,
    ui: "stopped",
    uiAddress: "10.0.0.5:5000",
    ha: "single",
  });
  assert.throws(() => managementOf([], null), new FactMissing("notInstalled", "binnacle-manager.service"));
});

test("a node that is no management node has no management service", async () => {
  const read = (files: Record<string, string>) =>
    managementSource(noCloud).read(answering({ files }), new AbortController().signal);
  await assert.rejects(read({}), new FactMissing("notConfigured", "none"));
  await assert.rejects(
    read({ "/etc/binnacle/node.json": '{"role":"compute"}' }),
    new FactMissing("notConfigured", "compute"),
  );
});
