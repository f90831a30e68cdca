import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { Dispatcher } from "../../../core/manager/dispatch.ts";
import { Metrics } from "../../../core/manager/metrics.ts";
import { createCloudServer } from "../../../core/manager/server.ts";
import { cloudCallNames } from "../../../core/model/cloud/calls/index.ts";
import { cloudErrors } from "../../../core/model/cloud/error-codes.ts";
import { vmInstance } from "../../../core/model/cloud/vm.ts";
import { createLog } from "../../../core/node/log.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { undoAfter } from "../../support/undo.ts";
import { samples } from "../model/cloud/samples.ts";
import { newUuid } from "../orchestrator/bed.ts";

type Sample = { name: string; labels: Record<string, string>; value: number };

/** The samples of a text in Prometheus' format; what is none fails the test. */
function samplesOf(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(parts !== null, line);
    const [, name = "", labels = "", value] = parts;
    const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g)];
    assert.equal(pairs.map(([whole]) => whole).join(""), labels, line);
    samples.push({
      name,
      labels: Object.fromEntries(pairs.map(([, label, text]) => [label, text])),
      value: Number(value),
    });
  }
  return samples;
}

async function bed(t: TestContext) {
  const made = await testCloud(t);
  const { cloud } = made;
  const metrics = new Metrics();
  metrics.watch(cloud.mirror);
  const door = metrics.server();
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  undoAfter(t, () => {
    door.close();
    door.closeAllConnections();
  });
  const address = door.address();
  assert.ok(typeof address === "object" && address !== null);
  const dispatcher = new Dispatcher({
    ...cloud.dispatching,
    onEnd: (name, durationMs, error) => metrics.callEnded(name, durationMs, error),
  });
  const { server } = createCloudServer({
    dispatcher,
    mirror: cloud.mirror,
    authenticate: () => undefined,
    log: createLog({ level: "silent" }),
  });
  undoAfter(t, () => server.close());
  const at = (path: string, method = "GET") => fetch(`http://127.0.0.1:${address.port}${path}`, { method });
  const scrape = async () => samplesOf(await (await at("/metrics")).text());
  return { ...made, server, at, scrape };
}

test("a scrape gives the manager's figures under the names of Prometheus' conventions, and counts what is there", async (t) => {
  const { call, at, scrape, cloud } = await bed(t);
  await call("CreateZone", { name: "east" });
  const sample = vmInstance.parse(samples.VmInstance);
  await cloud.records.change((tx) => {
    for (const [key, state] of [
      ["a", "Running"],
      ["b", "Running"],
      ["c", "Stopped"],
    ] as const)
      tx.put("VmInstance", key, { ...sample, uuid: key, state, hostUuid: null });
  });
  const answer = await at("/metrics");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  const own = [...text.matchAll(/^# TYPE (binnacle_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  assert.deepEqual(own.sort(), [
    "binnacle_api_call_duration_seconds histogram",
    "binnacle_hosts gauge",
    "binnacle_store_revision gauge",
    "binnacle_tasks gauge",
    "binnacle_unreadable_records gauge",
    "binnacle_virtual_machines gauge",
  ]);
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) assert.match(text, new RegExp(`^# HELP ${name} \\S`, "m"));
  const machines = async () =>
    (await scrape())
      .filter(({ name }) => name === "binnacle_virtual_machines")
      .map(({ labels, value }) => `${labels["state"]} ${value}`)
      .sort();
  assert.deepEqual(await machines(), ["Running 2", "Stopped 1"]);
  await cloud.records.change((tx) => tx.delete("VmInstance", "c"));
  assert.deepEqual(await machines(), ["Running 2"]);
});

test("whatever is called, labels have only names of calls and codes of errors", async (t) => {
  const { server, scrape, token } = await bed(t);
  const headers = { authorization: `Bearer ${token}` };
  for (let nth = 0; nth < 30; nth++) {
    const uuid = newUuid();
    await server.inject({ method: "GET", url: `/v1/zones/${uuid}`, headers });
    await server.inject({ method: "GET", url: `/v1/${uuid}`, headers });
    await server.inject({ method: "POST", url: "/v1/zones", payload: { name: `zone ${uuid}` }, headers });
    await server.inject({
      method: "POST",
      url: "/v1/zones",
      payload: { name: uuid },
      headers: { authorization: uuid },
    });
  }
  const samples = await scrape();
  const calls = samples.filter(({ name }) => name === "binnacle_api_call_duration_seconds_count");
  const told = Object.fromEntries(calls.map(({ labels, value }) => [`${labels["call"]} ${labels["code"]}`, value]));
  assert.deepEqual(told, {
    "GetZone SYS.1005": 30,
    "CreateZone ": 30,
    "CreateZone IDENTITY.1001": 30,
  });
  for (const { labels } of calls) {
    assert.ok((cloudCallNames as string[]).includes(labels["call"] ?? ""));
    assert.ok(labels["code"] === "" || Object.hasOwn(cloudErrors, labels["code"] ?? "-"));
  }
  const text = JSON.stringify(samples);
  assert.doesNotMatch(text, /[\da-f]{32}/);
});

test("the port of the metrics answers nothing but a scrape", async (t) => {
  const { at } = await bed(t);
  for (const [path, method] of [
    ["/", "GET"],
    ["/metrics", "POST"],
    ["/metrics?x", "GET"],
    ["/v1/zones", "GET"],
  ] as const)
    assert.equal((await at(path, method)).status, 404, `${method} ${path}`);
});
