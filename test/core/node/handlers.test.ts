import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { type AgentBed, agentBed, headersOf, rightPassword, type Who } from "./agent-bed.ts";

const beds: AgentBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(): Promise<AgentBed> {
  const bed = await agentBed();
  beds.push(bed);
  return bed;
}

async function call(bed: AgentBed, method: "GET" | "POST" | "PUT", url: string, body?: object, who: Who = {}) {
  const { statusCode, body: text } = await bed.server.inject({
    method,
    url,
    headers: headersOf(who),
    ...(body === undefined ? {} : { payload: body }),
  });
  const json = JSON.parse(text);
  return { status: statusCode, json, code: json.error?.code };
}

async function audited(bed: AgentBed): Promise<string[]> {
  const { entries } = await bed.parts.audit.read(1000);
  return entries.reverse().map(({ console, action, result }) => `${console} ${action} ${result}`);
}

test("a wrong phrase is recorded as refused, never as a reboot", async () => {
  const bed = await newBed();
  const token = await bed.login("tty1");
  const wrong = await call(bed, "POST", "/v1/power", { action: "reboot", phrase: "reboot" }, { token });
  assert.equal(wrong.code, "POWER.WRONG_PHRASE");
  assert.deepEqual(await audited(bed), ["tty1 power.reboot refused"]);
  await call(bed, "POST", "/v1/power", { action: "reboot", phrase: "REBOOT" }, { token });
  assert.deepEqual(await audited(bed), ["tty1 power.reboot refused", "tty1 power.reboot ok"]);
});

test("wrong passwords are recorded, attempts of a console that has to wait are not", async () => {
  const bed = await newBed();
  for (let i = 0; i < 30; i++) await call(bed, "POST", "/v1/sessions", { password: "wrong" });
  const slowed = await call(bed, "POST", "/v1/sessions", { password: rightPassword });
  assert.equal(slowed.code, "AUTH.SLOWED");
  assert.deepEqual(await audited(bed), Array(5).fill("tty1 session.open refused"));
});

test("of two first passwords at once one is chosen, and later ones leave no trace in the audit log", async () => {
  const bed = await newBed();
  const both = await Promise.all(
    ["Alpha-Horse-11", "Beta-Horse-22"].map((password, i) =>
      call(bed, "POST", "/v1/passwords/preview", { password }, { console: `tty${i}` }),
    ),
  );
  assert.deepEqual(both.map(({ code }) => code ?? "chosen").sort(), ["PASSWORD.ALREADY_SET", "chosen"]);
  for (let i = 0; i < 20; i++) await call(bed, "POST", "/v1/passwords/preview", { password: "Gamma-Horse-3" });
  assert.equal((await audited(bed)).length, 1);
});

test("a first password that can't be used is recorded as refused", async () => {
  const bed = await newBed();
  const short = await call(bed, "POST", "/v1/passwords/preview", { password: "x" });
  assert.equal(short.code, "PASSWORD.TOO_SHORT");
  assert.deepEqual(await audited(bed), ["tty1 password.choose refused"]);
});

test("the course of CPU and memory is public only with the panels", async () => {
  const bed = await newBed();
  const token = await bed.login("tty1");
  const samples = async (who: Who) => (await call(bed, "GET", "/v1/history", undefined, who)).json.cpu.values.length;
  assert.equal(await samples({}), 3);
  for (const publicView of ["status", "nothing"]) {
    await call(bed, "PUT", "/v1/settings/node", { publicView }, { token });
    assert.equal(await samples({}), 0, publicView);
    assert.equal(await samples({ token }), 3, publicView);
  }
});
