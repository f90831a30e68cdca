import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { logCollections } from "../../../core/model/archives.ts";
import type { Finding, Job } from "../../../core/model/records.ts";
import { UsageError } from "../../../scripts/ctl/arguments.ts";
import { startAnsweringAgent } from "../../support/answering-agent.ts";
import { adminPassword } from "../../support/cloud/manager.ts";
import { type NodeBed, nodeBed } from "../../support/ctl/node.ts";
import { undoAfter } from "../../support/undo.ts";

describe("status", () => {
  test("has the lines of the reference, and tells whether the manager answers", async (t) => {
    const bed = await nodeBed(t);
    assert.equal(await bed.ctl("status"), 0);
    assert.match(bed.said(), /^MN status: Stopped$/m);
    assert.equal(await bed.ctl("start"), 0, bed.said());
    assert.deepEqual(
      bed
        .said()
        .split("\n")
        .map((line) => line.replace(/: .*/, "")),
      ["home", "configuration file", "PID file", "log file", "version", "MN status", "UI status"],
    );
    assert.match(bed.said(), /^MN status: Running \[PID:\d+\]$/m);
    assert.match(bed.said(), /^UI status: Stopped$/m);
    assert.equal(await bed.ctl("restart_node"), 0);
    assert.equal(await bed.ctl("stop"), 0);
    assert.match(bed.said(), /^MN status: Stopped$/m);
    assert.equal(bed.isRunning(), false);
  });

  test("is Unknown while the unit runs and nothing answers, and Running with its address for a UI", async (t) => {
    const bed = await nodeBed(t);
    bed.world.run = async (_command, [, , , unit = ""]) => {
      const pid = unit.includes("ui") ? 1500 : 1412;
      return { code: 0, stdout: `LoadState=loaded\nActiveState=active\nMainPID=${pid}\n`, stderr: "" };
    };
    writeFileSync(bed.configurationFile, "management.ip=10.0.0.5\n");
    await bed.ctl("status");
    assert.match(bed.said(), /^MN status: Unknown \[PID:1412\]$/m);
    assert.match(bed.said(), /^UI status: Running \[PID:1500\] http:\/\/10\.0\.0\.5:5000$/m);
  });

  test("start says why the manager does not come up, and where to look", async (t) => {
    const bed = await nodeBed(t, { settings: ["no.such=1"] });
    await assert.rejects(bed.ctl("start"), { code: "CTL.UNIT_FAILED", remedy: /journalctl -b -u binnacle-manager/ });
    await assert.rejects(bed.ctl("start_ui"), { code: "CTL.NO_UNIT", remedy: /no web UI/ });
  });
});

describe("dump_mysql", () => {
  const archives = (bed: NodeBed) => bed.inBackups().filter((name) => name.endsWith(".tar.gz"));

  test("asks the manager where one runs, else opens its store; deletes only with --d", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    for (let i = 0; i < 2; i++) assert.equal(await bed.ctl("dump_mysql"), 0);
    await bed.stop();
    assert.equal(await bed.ctl("dump_mysql"), 0);
    assert.equal(archives(bed).length, 3);
    assert.equal(await bed.ctl("dump_mysql", "--d", "--keep-amount", "2"), 0);
    assert.equal(archives(bed).length, 2);
    assert.match(bed.said(), /^Deleted: .*-store-/m);
    assert.match(bed.said(), /^Backup: .*-store-\d{8}-\d{6}(-\d)?\.tar\.gz$/m);
  });

  test("says that there is nothing to back up, and makes no store", async (t) => {
    const bed = await nodeBed(t);
    await assert.rejects(bed.ctl("dump_mysql"), { code: "BACKUP.NO_STORE" });
    assert.equal(existsSync(bed.store), false);
  });

  test("a failure of the manager's comes through with its reason", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    writeFileSync(bed.backups, "a file in the way");
    await assert.rejects(bed.ctl("dump_mysql"), { code: "SYS.1051", values: { reason: "BACKUP.FAILED" } });
  });

  for (const words of [
    ["--keep-amount", "3"],
    ["--d", "--keep-amount", "0"],
    ["--d", "--keep-amount", "-1"],
    ["--d", "--keep-amount", "x"],
    ["--d", "--keep-amount", "1e3"],
    ["--host", "10.0.0.9"],
    ["--host", "@10.0.0.9"],
    ["--host", "-oProxyCommand=touch hit@10.0.0.9"],
    ["--host", "root@-oProxyCommand=touch"],
    ["--host", "root@10.0.0.9; touch hit"],
    ["--host", "root@host name"],
    ["--host", "ro'ot@10.0.0.9"],
    ["--host", "a@b\n@10.0.0.9"],
    ["somewhere"],
  ])
    test(`refuses ${JSON.stringify(words.join(" "))} before anything is done`, async (t) => {
      const bed = await nodeBed(t);
      await assert.rejects(bed.ctl("dump_mysql", ...words), UsageError);
      assert.equal(existsSync(bed.backups), false);
    });
});

describe("configure", () => {
  test("changes what is given, keeps the rest of the file, and says what has to be restarted", async (t) => {
    const bed = await nodeBed(t);
    writeFileSync(bed.configurationFile, "# ours\napi.port=8080\n\nmetrics.port=9100\n");
    chmodSync(bed.configurationFile, 0o640);
    assert.equal(await bed.ctl("configure", "api.port=8443", "store.type=sqlite"), 0);
    assert.equal(
      readFileSync(bed.configurationFile, "utf8"),
      "# ours\napi.port=8443\n\nmetrics.port=9100\nstore.type=sqlite\n",
    );
    assert.equal(statSync(bed.configurationFile).mode & 0o777, 0o640);
    assert.match(bed.said(), /^api\.port: 8080 -> 8443$/m);
    assert.match(bed.said(), /zstack-ctl restart_node/);
    assert.equal(await bed.ctl("show_configuration"), 0);
    assert.match(bed.said(), /^api\.port=8443 +# Port of the API\.$/m);
    assert.match(bed.said(), /^metrics\.port=9100 +# Port of the metrics\. \(preset\)$/m);
    assert.equal(await bed.ctl("configure", "api.port=8443"), 0);
    assert.match(bed.said(), /nothing was changed/);
  });

  test("changes nothing when one of them is wrong", async (t) => {
    const bed = await nodeBed(t);
    const before = readFileSync(bed.configurationFile, "utf8");
    for (const words of [["api.port=1", "metrics.port=x"], ["no.such=1"], ["store.type=etcd"], ["store.file=relative"]])
      await assert.rejects(bed.ctl("configure", ...words), { code: "MANAGER.CONFIGURATION" }, words.join());
    await assert.rejects(bed.ctl("configure", "api.port"), UsageError);
    assert.equal(readFileSync(bed.configurationFile, "utf8"), before);
    assert.deepEqual(
      readdirSync(dirname(bed.configurationFile)).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });
});

describe("change_ip", () => {
  test("takes an address of this node, and the manager's certificate has it afterwards", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    assert.equal(await bed.ctl("change_ip", "--ip", "10.9.8.7"), 0, bed.said());
    assert.match(readFileSync(bed.configurationFile, "utf8"), /^management\.ip=10\.9\.8\.7$/m);
    assert.match(readFileSync(join(bed.tls, "server.crt"), "utf8"), /BEGIN CERTIFICATE/);
    const { X509Certificate } = await import("node:crypto");
    const certificate = new X509Certificate(readFileSync(join(bed.tls, "server.crt")));
    assert.equal(certificate.checkIP("10.9.8.7"), "10.9.8.7");
    assert.ok(bed.isRunning());
  });

  test("gives the console proxy the new address where it was set to the former one", async (t) => {
    const bed = await nodeBed(t, { settings: ["management.ip=10.0.0.5"] });
    const proxy = { isSet: true, address: "10.0.0.5", port: 4900, handedOver: true, unit: "stopped" as const };
    const agent = await startAnsweringAgent(bed.world.agentSocket, { consoleProxy: proxy, setConsoleProxy: proxy });
    undoAfter(t, () => agent.close());
    assert.equal(await bed.ctl("change_ip", "--ip", "10.9.8.7"), 0, bed.said());
    assert.deepEqual(agent.asked.find(({ call }) => call === "setConsoleProxy")?.body, {
      address: "10.9.8.7",
      port: "",
    });
    assert.match(bed.said(), /^Console proxy: 10\.0\.0\.5 -> 10\.9\.8\.7$/m);
  });

  test("refuses an address that the node does not have, and what is none", async (t) => {
    const bed = await nodeBed(t);
    const before = readFileSync(bed.configurationFile, "utf8");
    await assert.rejects(bed.ctl("change_ip", "--ip", "10.0.0.77"), { code: "CTL.NO_SUCH_ADDRESS" });
    await assert.rejects(bed.ctl("change_ip", "--ip", "10.0.0"), UsageError);
    assert.equal(readFileSync(bed.configurationFile, "utf8"), before);
  });
});

describe("reset_password", () => {
  test("gives admin the password of the installation again; it must be changed, and its sessions end", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    const initial = readFileSync(join(bed.folder, "admin-password"), "utf8").trim();
    const first = await bed.ask("LogInByAccount", { accountName: "admin", password: initial });
    assert.equal(first.session.mustChangePassword, false);
    bed.answer = false;
    assert.equal(await bed.ctl("reset_password"), 1);
    bed.answer = true;
    assert.equal(await bed.ctl("reset_password"), 0, bed.said());
    assert.match(bed.said(), /chosen at the installation/);
    const second = await bed.ask("LogInByAccount", { accountName: "admin", password: initial });
    assert.equal(second.session.mustChangePassword, true);
    const sessions = await bed.ask("QuerySession", {});
    assert.deepEqual(sessions.inventories.map(({ uuid }) => uuid).includes(first.session.uuid), false);
    assert.ok(!bed.said().includes(initial) && !bed.said().includes(adminPassword));
  });

  test("says to start the manager where none runs, and asks nobody without --yes", async (t) => {
    const bed = await nodeBed(t);
    await assert.rejects(bed.ctl("reset_password", "--yes"), { code: "CLOUD.ABSENT", remedy: /zstack-ctl start/ });
    await assert.rejects(bed.ctl("reset_password"), { code: "CTL.NO_TERMINAL" });
  });
});

describe("what the agent does", () => {
  const job: Job = {
    ...{ id: "1", kind: "logs.collect", subject: "day", console: "root", state: "done", startedAt: 1, endedAt: 2 },
    ...{ progress: 1, cancellable: true, error: null, lines: 1 },
  };
  const archive = {
    kind: "logs" as const,
    name: "mgmt01-logs-20261121-140307",
    at: 1,
    sizeBytes: 1,
    diskBytes: 1,
    sha256: null,
  };

  test("collect_log makes an archive by the agent's job", async (t) => {
    const bed = await nodeBed(t);
    await bed.start();
    const agent = await startAnsweringAgent(bed.world.agentSocket, {
      startCollecting: { ...job, state: "running" },
      job,
      jobLog: { first: 0, lines: ["Packing"] },
      logCollections: logCollections.parse({ archives: [archive], estimates: [], folder: "/var/lib/binnacle/logs" }),
    });
    undoAfter(t, () => agent.close());
    assert.equal(await bed.ctl("collect_log", "--range", "hour"), 0, bed.said());
    assert.deepEqual(agent.asked[0]?.body, { range: "hour" });
    assert.match(bed.said(), /^Packing$/m);
    assert.match(bed.said(), /\/var\/lib\/binnacle\/logs\/mgmt01-logs-20261121-140307\.tar\.gz/);
    await assert.rejects(bed.ctl("collect_log", "--range", "year"), UsageError);
  });

  test("diagnose prints what, why and remedy, what has failed first", async (t) => {
    const bed = await nodeBed(t);
    const finding = (outcome: Finding["outcome"], code: string, values = {}): Finding => {
      return { id: code, area: "node", outcome, code, values, since: null, unable: null, fix: null };
    };
    const findings = [
      finding("passed", "KVM.OK", { flag: "vmx" }),
      finding("failed", "MANAGER.STOPPED", { said: "status 2" }),
      { ...finding("unable", "DISK.UNABLE"), unable: { code: "notInstalled" as const, detail: "smartctl" } },
    ];
    const agent = await startAnsweringAgent(bed.world.agentSocket, { diagnose: { at: 1, findings } });
    undoAfter(t, () => agent.close());
    assert.equal(await bed.ctl("diagnose"), 1);
    assert.deepEqual(bed.said().split("\n"), [
      "FAILED   The management service does not run: status 2",
      "         Virtual machines go on; nothing can be changed, and none is restarted.",
      "         Remove the cause, then start it: zstack-ctl start",
      "NOT RUN  The health of some disks is not known.",
      "         smartctl",
      "passed   Hardware virtualization works (vmx).",
      "1 failed, 0 warnings, 1 passed, 1 could not run",
    ]);
  });

  test("an agent that is not there is said", async (t) => {
    const bed = await nodeBed(t);
    await assert.rejects(bed.ctl("diagnose"), { code: "AGENT.ABSENT", remedy: /systemctl status binnacle-agent/ });
  });
});

test("names of the reference that mean nothing here explain what to use instead, and that nothing was done", async (t) => {
  const bed = await nodeBed(t);
  for (const [name, words] of [
    ["change_mysql_password", /no MySQL.*etcdctl/s],
    ["reset_rabbitmq", /no message broker.*ReconnectHost/s],
    ["install_license", /no licence/],
  ] as const) {
    assert.equal(await bed.ctl(name), 1);
    assert.match(bed.said(), words);
  }
});
