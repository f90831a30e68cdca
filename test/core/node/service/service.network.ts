import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import * as z from "zod";
import { ensureBuilt } from "../../../../scripts/dev/build.ts";
import { emulator, root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import { makeGuestDisk, startGuest } from "../../../support/vm/debian.ts";
import { fakeManagerFiles, roleProgram, storeProgram } from "../../../support/vm/fake-manager.ts";
import type { Vm } from "../../../support/vm/vm.ts";

/*
 * The ZStack service on a real systemd: a Debian 13 with the product's file tree, booted by QEMU, whose manager, console
 * proxy and UI are small programs. The agent is asked as a command of root would ask it.
 */

const bootTimeoutMs = 180_000;
const jobTimeoutMs = 240_000;

const why = await whyNot([emulator, root]);

/** Asks the agent on root's socket; of a job it waits for the end and adds the log. */
const callProgram = `
import { request } from "node:http";
const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const sent = request({ socketPath: "/run/binnacle/root.sock", method, path, headers }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve(JSON.parse(text)));
    });
    sent.on("error", reject);
    sent.end(body);
  });
const [method, path, body, wait] = process.argv.slice(2);
let answer = await ask(method, path, body);
if (wait === "wait" && answer.id !== undefined) {
  while (answer.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await ask("GET", "/v1/jobs/" + answer.id);
  }
  answer = { ...answer, log: (await ask("GET", "/v1/jobs/" + answer.id + "/log")).lines };
}
process.stdout.write(JSON.stringify(answer));
`;

const endedJob = z.object({
  state: z.string(),
  error: z.object({ code: z.string(), description: z.string() }).nullable(),
  log: z.array(z.string()),
});

/** A job that failed has an error as well, but is an answer. */
const refusal = z.strictObject({
  error: z.looseObject({ code: z.string(), description: z.string() }),
});

describe("the ZStack service on a real systemd", { skip: skipFor(why) }, () => {
  let folder: string;
  let guest: Vm;

  const put = async (file: string, text: string) => {
    const base64 = Buffer.from(text).toString("base64");
    await guest.shell.run(`mkdir -p ${path.dirname(file)}; : >${file}.b64`);
    // A terminal's line holds 4,095 characters.
    for (const part of base64.match(/.{1,2000}/g) ?? []) await guest.shell.run(`printf %s ${part} >>${file}.b64`);
    await guest.shell.run(`base64 -d ${file}.b64 >${file}; rm ${file}.b64`);
  };
  const call = async (method: string, url: string, body?: object, wait = ""): Promise<unknown> => {
    const given = body === undefined ? "" : `'${JSON.stringify(body)}'`;
    const command = `/usr/lib/binnacle/node /root/call.mjs ${method} '${url}' ${given} ${wait}`;
    const answer: unknown = JSON.parse(await guest.shell.run(command, jobTimeoutMs));
    const refused = refusal.safeParse(answer).data?.error;
    if (refused !== undefined) throw new Error(`${method} ${url}: ${refused.code}: ${refused.description}`);
    return answer;
  };
  const job = async (action: string, phrase: string) =>
    endedJob.parse(await call("POST", "/v1/jobs/service", { action, phrase }, "wait"));
  const active = (unit: string) => guest.shell.try(`systemctl is-active ${unit}`).then(({ output }) => output);
  const pid = (unit: string) => guest.shell.run(`systemctl show --value -p MainPID ${unit}`);

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-guest-"));
    await ensureBuilt();
    guest = await startGuest(folder, makeGuestDisk(folder, "lantern 71 fog"));
    await guest.shell.open(bootTimeoutMs);
    await put("/root/call.mjs", callProgram);
    await guest.shell.run("until [ -S /run/binnacle/root.sock ]; do sleep 0.5; done", bootTimeoutMs);
  });
  after(async () => {
    await guest?.stop();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("is not there as long as the image has no manager, and says so", async () => {
    const state = z.object({ refusals: z.record(z.string(), z.object({ code: z.string() })) });
    const { refusals } = state.parse(await call("GET", "/v1/service"));
    assert.deepEqual([...new Set(Object.values(refusals).map(({ code }) => code))], ["SERVICE.NO_MANAGER"]);
  });

  it("is started by the agent, which waits until it answers", async () => {
    for (const [file, text] of Object.entries(fakeManagerFiles(folder))) await put(`/${file}`, text);
    // The installer writes it; the agent asks the manager by this name.
    await guest.shell.run("grep -qs localhost /etc/hosts || echo '127.0.0.1 localhost' >>/etc/hosts");
    await guest.shell.run("systemctl daemon-reload");

    const done = await job("start", "start zstack");
    assert.equal(done.state, "done", done.log.join("\n"));
    for (const name of ["manager", "console-proxy", "ui"]) assert.equal(await active(`binnacle-${name}`), "active");
  });

  it("is stopped", async () => {
    assert.equal((await job("stop", "stop zstack")).state, "done");
    for (const name of ["manager", "console-proxy", "ui"]) assert.equal(await active(`binnacle-${name}`), "inactive");
  });

  it("that fails tells its last lines", async () => {
    await guest.shell.run("touch /run/manager-fails");
    const failed = await job("start", "start zstack").finally(() => guest.shell.run("rm /run/manager-fails"));
    assert.equal(failed.error?.code, "SERVICE.NOT_STARTED");
    assert.doesNotMatch(failed.log.join("\n"), /Deactivated successfully/);
    assert.match(failed.log.join("\n"), /binnacle-manager\.service is failed\.[\s\S]*the store is locked by another/);
  });

  it("goes on starting when the agent ends meanwhile, whose job is interrupted", async () => {
    await guest.shell.run("touch /run/manager-slow");
    const started = z.object({ id: z.string() });
    const { id } = started.parse(
      await call("POST", "/v1/jobs/service", { action: "restart", phrase: "restart zstack" }),
    );
    await guest.shell.run("until systemctl is-active binnacle-manager | grep -q activating; do sleep 0.2; done");
    await guest.shell.run("systemctl restart binnacle-agent");
    await guest.shell.run("rm /run/manager-slow; until [ -S /run/binnacle/root.sock ]; do sleep 0.5; done");
    const state = z.object({ state: z.string() });
    assert.equal(state.parse(await call("GET", `/v1/jobs/${id}`)).state, "interrupted");
    await guest.shell.run("until systemctl is-active binnacle-manager | grep -qx active; do sleep 0.5; done");
  });

  it("keeps new values of its console proxy, and restarts nothing for them", async () => {
    const before = await pid("binnacle-manager");
    const answer = z.object({ address: z.string(), port: z.number(), unit: z.string() });
    const set = answer.parse(await call("PUT", "/v1/console-proxy", { address: "192.0.2.7", port: "5900" }));
    assert.deepEqual(set, { address: "192.0.2.7", port: 5900, unit: "running" });
    assert.equal(await pid("binnacle-manager"), before);
  });

  it("is installed anew with an empty store, and the former one is whole in a folder of its own", async () => {
    await put("/root/store.mjs", storeProgram);
    await guest.shell.run("install -d -m 700 /var/lib/binnacle/manager; /usr/lib/binnacle/node /root/store.mjs");
    const impact = z.object({ store: z.object({ state: z.string(), records: z.number() }) });
    // What the role installs has tests of its own; here it is only known that its command was run.
    await put("/usr/bin/binnacle-role", roleProgram);
    await guest.shell.run("chmod 755 /usr/bin/binnacle-role");
    const { store } = impact.parse(await call("GET", "/v1/service/impact?action=resetDrop"));
    assert.deepEqual(store, { state: "readable", records: 3 });
    const reset = await job("resetDrop", "reset zstack drop database");
    const log = reset.log.join("\n");
    assert.match(log, /What is lost: 3 records[\s\S]*kept in \/var\/lib\/binnacle\/kept-stores\//);
    const kept = /kept in (\S+)\. It is never/.exec(log)?.[1] ?? "";
    assert.equal(await guest.shell.run(`ls ${kept}`), "store.sqlite");
    assert.equal(await guest.shell.run("ls /var/lib/binnacle/manager"), "");
    assert.equal(reset.state, "done", log);
    assert.match(log, /Manager: PASS \(as management --yes\)/);
    assert.equal(await active("binnacle-manager"), "active");
  });
});
