import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts, FactValue } from "../../../core/model/facts.ts";
import { managementOf } from "../../../core/node/facts/management.ts";
import { whyOf } from "../../../core/node/facts/source.ts";
import { drawMore } from "../../../tui/screens/home/panel.ts";
import { homeScreen } from "../../../tui/screens/home.ts";
import { displayWidth } from "../../../tui/terminal/width.ts";
import { lines as drawnLines } from "../widgets/support.ts";
import { bed, recordedFacts, styleOf } from "./support.ts";

test("old figures of CPU and memory stand behind their age, not on top of it", async () => {
  const { facts, now } = await recordedFacts("storage-failing");
  const { control, lines, change } = await bed({ facts, now });
  if (facts.cpu.state !== "value" || facts.memory.state !== "value") throw new Error("the recording has both");
  const old = { state: "stale", at: now - 65_000, why: { code: "timeout", detail: "" } } as const;
  change({ cpu: { ...facts.cpu, ...old }, memory: { ...facts.memory, ...old } });
  assert.match(
    lines(homeScreen(control), 100, 37).join("\n"),
    /CPU USAGE {2}1 m 5 s old {3}\d+ % +MEM USAGE {2}1 m 5 s old {3}91 % /,
  );
});

test("an interface without an address says what it belongs to, or that it has none; no bare dash", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const text = lines(homeScreen(control), 132, 43).join("\n");
  assert.match(text, / {2}eno2 +UP +1G in bond0/);
  assert.match(text, /br_eno3 +UP +1G no address/);
});

test("why a disk's health is not known is said in the language of the console", async () => {
  const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), language: "zh" });
  assert.match(lines(homeScreen(control)).join("\n"), /vda +\S +虚拟磁盘/);
});

test("a panel that hides lines names the key that shows them, where it has room for it", async () => {
  for (const [language, words, short] of [
    ["en", /\d more: Enter/, /\d more(?!:)/],
    ["zh", /还有 \d 项：Enter/, /还有 \d 项(?!：)/],
  ] as const) {
    const { control, lines } = await bed({ ...(await recordedFacts("storage-failing")), language });
    const wide = lines(homeScreen(control)).join("\n");
    assert.match(wide, words);
    assert.doesNotMatch(wide, short);
    const t = control.view().t;
    for (let width = 1; width < 20; width++) {
      const [line = ""] = drawnLines(width, 1, (canvas) => drawMore(canvas, t, "Enter", 3));
      const long = t("panel.moreAt", { count: 3, key: "Enter" });
      const expected = displayWidth(long) <= width ? long : t("panel.more", { count: 3 });
      assert.equal(line, displayWidth(expected) <= width ? expected : line, `${width}`);
      assert.ok(displayWidth(line) <= width);
    }
  }
});

test("a q that comes alone leaves; within other text that came with it, as in a paste, it does not", async () => {
  const made = await bed(await recordedFacts("laptop-vm"));
  let left = 0;
  const screen = homeScreen({ ...made.control, quit: () => left++ });
  screen.key({ name: "char", text: "q", inBurst: true });
  assert.equal(left, 0);
  screen.key({ name: "char", text: "q" });
  assert.equal(left, 1);
});

type RoleStatus = NonNullable<FactValue<"identity">["roleStatus"]>;

/** These facts of a node whose role's installation is recorded so. */
function withRole(facts: Facts, roleStatus: Partial<RoleStatus> & Pick<RoleStatus, "state">): Facts {
  const { identity } = facts;
  if (identity.state !== "value") throw new Error("the recording has it");
  const whole = { step: null, reason: null, remedy: null, ...roleStatus };
  return { ...facts, identity: { ...identity, value: { ...identity.value, roleStatus: whole } } };
}

/** NODE INFO at 80x24: its heading and what is below, without the panel beside it. */
const nodePanel = (all: string[]) => all.slice(1, 6).map((one) => one.slice(0, 40).trimEnd());

for (const machine of ["bonded-server", "laptop-vm"]) {
  test(`a role that failed stands first in NODE INFO, with its step, as something bad: ${machine}`, async () => {
    const { facts, now } = await recordedFacts(machine);
    const step = "Management API answers";
    const { control, frame, lines } = await bed({ facts: withRole(facts, { state: "failed", step }), now });
    const screen = homeScreen(control);
    assert.equal(nodePanel(lines(screen))[1], ` Role not ready: ${step}`);
    assert.equal(styleOf(frame(screen, 80, 24), "Role not ready"), "bad");
  });
}

test("the header names a role as one that works only when it is ready", async () => {
  const { facts, now } = await recordedFacts("bonded-server");
  for (const state of ["ready", "failed", "installing"] as const) {
    const { control, lines } = await bed({ facts: withRole(facts, { state }), now });
    assert.equal(/Not ready: \w/.test(lines(homeScreen(control))[0] ?? ""), state !== "ready", state);
  }
});

test("a role that is being installed stands first in NODE INFO as a warning, with its step where one is known", async () => {
  const { facts, now } = await recordedFacts("laptop-vm");
  const { control, frame, lines, change } = await bed({
    facts: withRole(facts, { state: "installing", step: "Libvirt" }),
    now,
  });
  const screen = homeScreen(control);
  assert.deepEqual(nodePanel(lines(screen)).slice(0, 3), [
    " NODE INFO",
    " Role is being installed: Libvirt",
    " Service  -  not on this node",
  ]);
  assert.equal(styleOf(frame(screen, 80, 24), "Role is being"), "warn");
  change(withRole(facts, { state: "installing" }));
  assert.equal(nodePanel(lines(screen))[1], " Role is being installed");
  change(withRole(facts, { state: "failed" }));
  assert.equal(nodePanel(lines(screen))[1], " Role not ready");
});

test("services that run beside a role that is not ready are not shown as good", async () => {
  const { facts, now } = await recordedFacts("bonded-server");
  const { control, frame, change } = await bed({ facts, now });
  const screen = homeScreen(control);
  assert.equal(styleOf(frame(screen, 80, 24), "Running  PID"), "good");
  for (const state of ["installing", "failed"] as const) {
    change(withRole(facts, { state, step: "Store" }));
    assert.equal(styleOf(frame(screen, 80, 24), "Running  PID"), "text", state);
  }
});

test("a role that is ready changes nothing on the home screen", async () => {
  for (const machine of ["bonded-server", "laptop-vm"]) {
    const { facts, now } = await recordedFacts(machine);
    const { control, frame, change } = await bed({ facts, now });
    const before = frame(homeScreen(control), 80, 24);
    change(withRole(facts, { state: "ready" }));
    assert.deepEqual(frame(homeScreen(control), 80, 24), before);
  }
});

test("the role's state is said in the language of the console", async () => {
  const { facts, now } = await recordedFacts("laptop-vm");
  const failed = withRole(facts, { state: "failed", step: "Libvirt" });
  const { control, lines, change } = await bed({ facts: failed, now, language: "zh" });
  assert.match(lines(homeScreen(control)).join("\n"), /角色未就绪：Libvirt/);
  change(withRole(facts, { state: "installing", step: "Libvirt" }));
  assert.match(lines(homeScreen(control)).join("\n"), /角色正在安装：Libvirt/);
});

test("a management node whose image has no manager says so in words that fit", async () => {
  for (const [language, words] of [
    ["en", "-  no manager in this image"],
    ["zh", "-  此镜像不含管理服务"],
  ] as const) {
    const { facts, now } = await recordedFacts("bonded-server");
    const { control, lines, change } = await bed({ facts, now, language });
    change({ management: { state: "missing", at: now, why: whyWithoutManager() } });
    const text = lines(homeScreen(control)).join("\n");
    assert.match(text, new RegExp(`\n ${words} `));
    assert.doesNotMatch(text, /binnacle-manager/);
  }
});

test("where systemctl is absent, nothing is claimed about the manager", async () => {
  const { facts, now } = await recordedFacts("bonded-server");
  const { control, lines, change } = await bed({ facts, now });
  change({ management: { state: "missing", at: now, why: { code: "notInstalled", detail: "systemctl" } } });
  assert.equal(nodePanel(lines(homeScreen(control)))[1], " -  systemctl not installed");
});

function whyWithoutManager() {
  try {
    managementOf([], null);
  } catch (error) {
    return whyOf(error);
  }
  throw new Error("a manager was found among no units");
}

/** These facts of a management node, with another state of its service and other figures of the cloud. */
async function cloudFacts(more: {
  management?: Partial<FactValue<"management">>;
  hosts?: Partial<FactValue<"hosts">>;
  machines?: Partial<FactValue<"cloud">["machines"]>;
}) {
  const { facts, now } = await recordedFacts("bonded-server");
  const { management, hosts, cloud } = facts;
  if (management.state !== "value" || hosts.state !== "value" || cloud.state !== "value")
    throw new Error("the recording has them");
  const machines = { ...cloud.value.machines, ...more.machines };
  return {
    now,
    facts: {
      ...facts,
      management: { ...management, value: { ...management.value, ...more.management } },
      hosts: { ...hosts, value: { ...hosts.value, ...more.hosts } },
      cloud: { ...cloud, value: { ...cloud.value, machines } },
    },
  };
}

/** HOST INFO and VM INFO at 80x24, below their headings. */
const cloudPanels = (all: string[]) => {
  const at = all.findIndex((one) => /^ HOST INFO/.test(one));
  const rows = all.slice(at + 1, at + 3);
  return { hosts: rows.map((one) => one.slice(0, 39).trim()), machines: rows.map((one) => one.slice(40).trim()) };
};

test("a management service that does not simply run says why, in its own line", async () => {
  const words = {
    starting: ["Unknown  starting", "未知  正在启动"],
    stopping: ["Unknown  stopping", "未知  正在停止"],
    silent: ["Unknown  no answer", "未知  无应答"],
    failed: ["Stopped  failed", "已停止  失败"],
    restarting: ["Stopped  starts again", "已停止  将自动重启"],
  } as const;
  for (const [why, texts] of Object.entries(words) as [keyof typeof words, readonly string[]][])
    for (const [index, language] of (["en", "zh"] as const).entries()) {
      const isDown = why === "failed" || why === "restarting";
      const management = { why, service: isDown ? "stopped" : "unknown", pid: isDown ? null : 1412 } as const;
      const { control, lines } = await bed({ ...(await cloudFacts({ management })), language });
      const line = lines(homeScreen(control))[2] ?? "";
      assert.ok(line.includes(`${texts[index]}${isDown ? "   " : "  PID 1412"}`), `${language} ${why}: ${line}`);
    }
});

test("the figures of a large cloud move together, and the least of them give way", async () => {
  const hosts = { total: 10_000, enabled: 9_990, connected: 9_980, disconnected: 7, connecting: 13, maintenance: 10 };
  const machines = { total: 100_000, running: 96_000, stopped: 3_000, unknown: 500, changing: 120, paused: 380 };
  const { control, lines, frame } = await bed(await cloudFacts({ hosts, machines }));
  const screen = homeScreen(control);
  assert.deepEqual(cloudPanels(lines(screen)), {
    hosts: ["10000 total   9990 enabled", "9980 connected   7 disconnected"],
    machines: ["100000 total   96000 running", "3000 stopped   500 unknown"],
  });
  assert.equal(styleOf(frame(screen, 80, 24), "7 disconnected"), "bad");
  assert.match(lines(screen, 132, 43).join("\n"), / 10 in maintenance {3}13 connecting +120 changing {3}380 paused/);
});

test("what a manager that is gone has told last is marked with its age", async () => {
  const { facts, now } = await cloudFacts({});
  const old = { state: "stale", at: now - 65_000, why: { code: "notRunning", detail: "binnacle-manager" } } as const;
  const { control, lines, change } = await bed({ facts, now });
  change({ hosts: { ...facts.hosts, ...old }, cloud: { ...facts.cloud, ...old } });
  const text = lines(homeScreen(control)).join("\n");
  assert.match(text, /HOST INFO {2}1 m 5 s old +VM INFO {2}1 m 5 s old/);
  assert.doesNotMatch(text, /tasks/, "what it was busy with");
  const missing = { state: "missing", at: now, why: old.why } as const;
  change({ hosts: missing, cloud: missing });
  assert.match(
    lines(homeScreen(control)).join("\n"),
    /- {2}binnacle-manager not running +- {2}binnacle-manager not running/,
  );
});
