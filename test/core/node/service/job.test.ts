import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type ServiceAction, serviceActions, servicePhrase } from "../../../../core/model/service.ts";
import { manager, proxy, type ServiceBed, serviceBed, ui } from "./bed.ts";

const beds: ServiceBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(options: Parameters<typeof serviceBed>[0] = {}): Promise<ServiceBed> {
  const bed = await serviceBed(options);
  beds.push(bed);
  return bed;
}

const all = `${manager} ${proxy} ${ui}`;
const setAll = (bed: ServiceBed, active: "active" | "inactive") => {
  for (const unit of [manager, proxy, ui]) bed.units.set(unit, active);
};

describe("the phrase", () => {
  for (const action of serviceActions) {
    const phrase = servicePhrase[action];
    const wrong = [
      phrase.replace("zstack", "zstak"),
      phrase.replace("z", "s"),
      phrase.toUpperCase(),
      `${phrase[0]?.toUpperCase()}${phrase.slice(1)}`,
      `${phrase} `,
      ` ${phrase}`,
      phrase.replace(" ", "  "),
      phrase.replace(" ", "\u00a0"),
      "",
      ...serviceActions.filter((other) => other !== action).map((other) => servicePhrase[other]),
    ];
    test(`of ${action} must be "${phrase}" to the letter`, async () => {
      const bed = await newBed();
      for (const typed of wrong)
        await assert.rejects(bed.begin(action, { phrase: typed }), { code: "SERVICE.WRONG_PHRASE" }, `"${typed}"`);
      assert.deepEqual(bed.commands, []);
      assert.deepEqual(bed.jobs.list(), []);
    });
  }

  test("is the one of the manual", () => {
    assert.deepEqual(servicePhrase, {
      start: "start zstack",
      stop: "stop zstack",
      restart: "restart zstack",
      reset: "reset zstack",
      resetDrop: "reset zstack drop database",
    });
  });
});

describe("the service", () => {
  test("is started, waited for until it answers, and the job says each step", async () => {
    const bed = await newBed();
    setAll(bed, "inactive");
    bed.state.answers = false;
    const job = await bed.begin("start");
    assert.deepEqual([job.kind, job.subject, job.cancellable], ["service.start", manager, false]);
    const shares: (number | null)[] = [];
    bed.jobs.subscribe(({ progress }) => shares.push(progress));
    await bed.pass(5_000);
    assert.equal(bed.jobs.get(job.id).state, "running");
    const half = bed.jobs.get(job.id).progress ?? 0;
    assert.ok(half > 0.4 && half < 0.6, `${half}`);
    bed.state.answers = true;
    const end = bed.ended(job.id);
    await bed.pass(1_000);
    assert.equal((await end).state, "done");
    assert.deepEqual(bed.commands, [`systemctl start -- ${all}`]);
    assert.deepEqual(await bed.lines(job.id), [
      `systemctl start ${all}`,
      "Waiting until the manager answers",
      "The ZStack service runs and answers.",
    ]);
    assert.deepEqual(await bed.audited(), [
      "service.start | ok | binnacle-manager inactive, binnacle-console-proxy inactive, binnacle-ui inactive | " +
        "binnacle-manager active, binnacle-console-proxy active, binnacle-ui active | -",
    ]);
  });

  test("is stopped", async () => {
    const bed = await newBed();
    const job = await bed.done("stop");
    assert.equal(job.state, "done");
    assert.deepEqual(bed.commands, [`systemctl stop -- ${all}`]);
    assert.deepEqual([...bed.units.values()], ["inactive", "inactive", "inactive"]);
  });

  test("is restarted with the units that exist, and no others", async () => {
    const bed = await newBed();
    bed.units.delete(proxy);
    const job = await bed.done("restart");
    assert.equal(job.state, "done");
    assert.deepEqual(bed.commands, [`systemctl restart -- ${manager} ${ui}`]);
  });

  test("that does not start tells the unit's last lines", async () => {
    const bed = await newBed();
    setAll(bed, "inactive");
    bed.on.start = async () => {
      bed.units.set(manager, "failed");
      return { code: 1, stdout: "", stderr: `Job for ${manager} failed.\n` };
    };
    bed.journal.set(manager, "store.sqlite: no space left on device\nmanager ends\n");
    const job = await bed.done("start");
    assert.equal(job.state, "failed");
    assert.deepEqual(job.error, { code: "SERVICE.NOT_STARTED", description: `${manager} did not start.` });
    const lines = (await bed.lines(job.id)).join("\n");
    assert.match(lines, /Job for binnacle-manager\.service failed\./);
    assert.match(lines, /binnacle-manager\.service is failed\. Its last lines:\n {2}store\.sqlite: no space left/);
    assert.match(lines, /journalctl -b -u binnacle-manager\.service/);
    assert.match((await bed.audited())[0] ?? "", /^service\.start \| failed .*SERVICE\.NOT_STARTED/);
  });

  test("whose unit dies after its start is a failure, not a wait", async () => {
    const bed = await newBed();
    setAll(bed, "inactive");
    bed.state.answers = false;
    const job = await bed.begin("start");
    const end = bed.ended(job.id);
    await bed.pass(2_000);
    bed.units.set(ui, "failed");
    bed.journal.set(ui, "port 5000 is in use\n");
    await bed.pass(1_000);
    assert.equal((await end).error?.description, `${ui} did not stay up.`);
    assert.match((await bed.lines(job.id)).join("\n"), / {2}port 5000 is in use/);
  });

  test("that never answers is given up after a minute, with its last lines", async () => {
    const bed = await newBed();
    bed.state.answers = false;
    bed.journal.set(manager, "waiting for the store\n");
    const job = await bed.done("restart", { silentManager: true });
    assert.equal(job.error?.code, "SERVICE.TIMEOUT");
    assert.match((await bed.lines(job.id)).join("\n"), / {2}waiting for the store/);
  });

  test("whose unit stays up is not said to be stopped", async () => {
    const bed = await newBed();
    bed.on.stop = async () => {
      bed.units.set(manager, "deactivating");
      return { code: 0, stdout: "", stderr: "" };
    };
    const job = await bed.done("stop");
    assert.equal(job.error?.code, "SERVICE.NOT_STOPPED");
  });

  test("in a preview is left as it is: it is only written down", async () => {
    const bed = await newBed({ mode: "preview" });
    const job = await bed.done("stop");
    assert.equal(job.state, "done");
    assert.deepEqual([...bed.units.values()], ["active", "active", "active"]);
    assert.match((await bed.lines(job.id)).join("\n"), /Preview/);
  });

  test("is interrupted, and says so, when the agent ends; the next agent knows it", async () => {
    const bed = await newBed();
    setAll(bed, "inactive");
    bed.on.start = (_args, signal) =>
      new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    const job = await bed.begin("start");
    while (bed.commands.length === 0) await setImmediate();
    await bed.restartAgent();
    assert.equal(bed.jobs.get(job.id).state, "interrupted");
    assert.match((await bed.lines(job.id)).join("\n"), /what systemd has begun goes on/);
    // Nothing stands in the way of another try.
    bed.on.start = async () => {
      setAll(bed, "active");
      return { code: 0, stdout: "", stderr: "" };
    };
    assert.equal((await bed.done("start")).state, "done");
  });
});

describe("a refusal", () => {
  const refusals: [string, ServiceAction, string, (bed: ServiceBed) => void, Parameters<typeof serviceBed>[0]?][] = [
    ["where the image has no manager", "start", "SERVICE.NO_MANAGER", (b) => b.units.clear(), { library: [] }],
    ["of a reset where the image has none", "reset", "SERVICE.NO_MANAGER", (b) => b.units.clear(), { library: [] }],
    ["on a compute node", "stop", "SERVICE.NOT_MANAGEMENT", () => {}, { role: "compute" }],
    ["on a storage node", "reset", "SERVICE.NOT_MANAGEMENT", () => {}, { role: "storage" }],
    ["on a machine that is no node", "resetDrop", "SERVICE.NOT_MANAGEMENT", () => {}, { role: null }],
    ["on a node whose file is damaged", "reset", "SERVICE.NOT_MANAGEMENT", () => {}, { role: "nonsense" }],
    [
      "without systemd",
      "restart",
      "SERVICE.NO_SYSTEMD",
      (b) => {
        b.state.hasSystemd = false;
      },
    ],
    ["of a start of what runs", "start", "SERVICE.RUNS", () => {}],
    ["of a stop of what is stopped", "stop", "SERVICE.STOPPED", (b) => setAll(b, "inactive")],
    ["of a manager whose role is not installed", "start", "SERVICE.NOT_INSTALLED", (b) => b.units.clear()],
    [
      "while the role is being installed",
      "reset",
      "SERVICE.INSTALLING",
      (b) => b.units.set("binnacle-role.service", "activating"),
    ],
    [
      "while a reset goes on that an agent before began",
      "start",
      "SERVICE.INSTALLING",
      (b) => b.units.set("binnacle-service-reset.service", "active"),
    ],
    [
      "to empty a store that is not this node's alone",
      "resetDrop",
      "SERVICE.CLUSTERED_STORE",
      (b) => b.units.set("binnacle-zsha.service", "active"),
    ],
  ];
  for (const [name, action, code, prepare, options] of refusals)
    test(`${name} is ${code}`, async () => {
      const bed = await newBed(options);
      prepare(bed);
      await assert.rejects(bed.begin(action), { code });
      assert.deepEqual(bed.commands, []);
    });

  test("comes while another job of the service runs, and only then", async () => {
    const bed = await newBed();
    bed.state.answers = false;
    const first = await bed.begin("restart", { accepts: { silentManager: true } });
    await assert.rejects(bed.begin("stop"), { code: "SERVICE.BUSY" });
    bed.state.answers = true;
    const end = bed.ended(first.id);
    await bed.pass(1_000);
    await end;
    assert.equal((await bed.done("stop")).state, "done");
  });

  test("of two at the same moment leaves one", async () => {
    const bed = await newBed();
    const both = await Promise.allSettled([bed.begin("restart"), bed.begin("restart")]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });
});

describe("a reset", () => {
  const step = (id: string, state: string, why: string | null = null) => ({
    id,
    group: "Install Management Service",
    title: id,
    state,
    at: null,
    why,
    code: null,
    remedy: state === "fail" ? "Make room." : null,
  });
  const record = (attempts: number, steps: object[], state = "ready") =>
    JSON.stringify({ role: "management", version: "1", state, attempts, steps });
  const recordFile = "/etc/binnacle/role.json";

  test("stops the service, installs the role anew as its own unit with its steps in the log, and starts it", async () => {
    const bed = await newBed();
    bed.files.set(recordFile, record(1, [step("store", "pass"), step("old", "fail", "long ago")]));
    bed.on["systemd-run"] = async () => {
      bed.files.set(recordFile, record(2, [step("store", "pass"), step("manager", "skip", "why not")]));
      return { code: 0, stdout: "", stderr: "" };
    };
    const job = await bed.done("reset");
    assert.equal(job.state, "done");
    assert.deepEqual(bed.commands, [
      `systemctl stop -- ${all}`,
      "systemd-run --quiet --collect --wait --unit=binnacle-service-reset.service " +
        "--description=Installation of the management role, anew -- /usr/bin/binnacle-role management --yes",
      `systemctl start -- ${all}`,
    ]);
    const lines = await bed.lines(job.id);
    assert.ok(lines.includes("  store: PASS") && lines.includes("  manager: SKIP (why not)"), lines.join("\n"));
    assert.ok(!lines.join("\n").includes("long ago"));
  });

  test("whose installation fails names the step, the reason and the remedy", async () => {
    const bed = await newBed();
    bed.on["systemd-run"] = async () => {
      bed.files.set(recordFile, record(1, [step("Store", "fail", "the disk is full")], "failed"));
      return { code: 1, stdout: "", stderr: "" };
    };
    const job = await bed.done("reset");
    assert.equal(job.error?.description, "The role was not installed: Store: the disk is full");
    assert.match((await bed.lines(job.id)).join("\n"), /Make room\./);
  });

  test("of a manager whose units are absent installs them", async () => {
    const bed = await newBed();
    bed.units.clear();
    bed.on["systemd-run"] = async () => {
      bed.units.set(manager, "active");
      return { code: 0, stdout: "", stderr: "" };
    };
    assert.equal((await bed.done("reset")).state, "done");
    assert.match(bed.commands[0] ?? "", /^systemd-run /);
  });

  test("keeps the store", async () => {
    const bed = await newBed();
    await bed.done("reset");
    assert.ok(!bed.commands.includes("empty the store"));
  });
});
