import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { servicePhrase } from "../../../../core/model/service.ts";
import { type AgentBed, agentBed, headersOf } from "../agent-bed.ts";
import { type ServiceBed, serviceBed } from "./bed.ts";

const beds: (AgentBed | ServiceBed)[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

/** An agent on a management node with a manager, and a session. */
async function agent() {
  const service = await serviceBed();
  const bed = await agentBed({ service: service.world });
  beds.push(bed, service);
  const token = await bed.login("tty1");
  return {
    service,
    bed,
    async call(method: "GET" | "POST" | "PUT", url: string, payload?: object, withToken = true) {
      const answer = await bed.server.inject({
        method,
        url,
        headers: headersOf(withToken ? { token } : {}),
        ...(payload === undefined ? {} : { payload }),
      });
      const json = answer.json();
      return { json, code: json.error?.code };
    },
    async audited() {
      const { entries } = await bed.parts.audit.read(100);
      return entries
        .reverse()
        .map(({ action, result, before, after, detail }) =>
          [action, result, before, after, detail].map((part) => part ?? "-").join(" | "),
        );
    },
  };
}

test("without the password nothing of the service is told or done", async () => {
  const { call, service } = await agent();
  for (const [method, url, body] of [
    ["GET", "/v1/service"],
    ["GET", "/v1/service/impact?action=stop"],
    ["POST", "/v1/jobs/service", { action: "stop", phrase: "stop zstack" }],
    ["GET", "/v1/console-proxy"],
    ["PUT", "/v1/console-proxy", { address: "192.0.2.7", port: "" }],
  ] as const)
    assert.equal((await call(method, url, body, false)).code, "AUTH.NO_SESSION", url);
  assert.deepEqual(service.commands, []);
});

test("a wrong phrase is recorded as refused, and nothing is done", async () => {
  const { call, audited, service } = await agent();
  for (const phrase of ["stop zstac", "STOP ZSTACK", "stop zstack ", "start zstack"])
    assert.equal((await call("POST", "/v1/jobs/service", { action: "stop", phrase })).code, "SERVICE.WRONG_PHRASE");
  assert.deepEqual(
    (await audited()).map((line) => line.split(" | ").slice(0, 2).join(" ")),
    Array(4).fill("service.begin refused"),
  );
  assert.deepEqual(service.commands, []);
});

test("what is begun is recorded at its begin and at its end", async () => {
  const { bed, call, audited, service } = await agent();
  const { json } = await call("POST", "/v1/jobs/service", { action: "stop", phrase: servicePhrase.stop });
  while (bed.parts.jobs.get(json.id).state === "running") await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bed.parts.jobs.get(json.id).state, "done");
  assert.deepEqual((await audited()).map((line) => line.split(" | ").slice(0, 2).join(" ")).toSorted(), [
    "service.begin ok",
    "service.stop ok",
  ]);
  assert.equal(service.commands.length, 1);
});

test("the impact shares what a reboot would hit, and says what is refused", async () => {
  const { bed, call } = await agent();
  await bed.login("ttyS0");
  const { json } = await call("GET", "/v1/service/impact?action=start");
  assert.equal(json.refusal.code, "SERVICE.RUNS");
  assert.deepEqual(json.otherConsoles, ["ttyS0"]);
  assert.equal(json.runningVirtualMachines, null);
  assert.equal(json.units.length, 3);
  const power = (await call("GET", "/v1/power/impact")).json;
  for (const [name, value] of Object.entries(power)) assert.deepEqual(json[name], value, name);
});

test("the state says of each action why it is refused", async () => {
  const { call } = await agent();
  const { refusals } = (await call("GET", "/v1/service")).json;
  assert.equal(refusals.start.code, "SERVICE.RUNS");
  assert.equal(refusals.stop, null);
});

test("a change of the console proxy is recorded with both values, a refused one without", async () => {
  const { call, audited } = await agent();
  assert.equal((await call("PUT", "/v1/console-proxy", { address: "", port: "" })).code, "PROXY.EMPTY");
  await call("PUT", "/v1/console-proxy", { address: "192.0.2.7", port: "" });
  const { json } = await call("PUT", "/v1/console-proxy", { address: "", port: "5900" });
  assert.deepEqual([json.isSet, json.address, json.port], [true, "192.0.2.7", 5900]);
  const [refused, first, second] = await audited();
  assert.match(refused ?? "", /^settings\.consoleProxy \| refused /);
  assert.equal(first, "settings.consoleProxy | ok | - | address=192.0.2.7 port=4900 | -");
  assert.equal(second, "settings.consoleProxy | ok | address=192.0.2.7 port=4900 | address=192.0.2.7 port=5900 | -");
});

test("what nobody knows as an action is malformed", async () => {
  const { call } = await agent();
  assert.equal((await call("POST", "/v1/jobs/service", { action: "drop", phrase: "drop" })).code, "API.BAD_REQUEST");
});
