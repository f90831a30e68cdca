import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { networkChanges } from "../../core/model/network/difference.ts";
import { networkProblemCodes } from "../../core/model/network/problem.ts";
import { networkProblems } from "../../core/model/network/problems.ts";
import type { NetworkTransaction, ProbeResult } from "../../core/model/network/transaction.ts";
import { translator } from "../../tui/i18n/catalogue.ts";
import { en } from "../../tui/i18n/en.ts";
import { zh } from "../../tui/i18n/zh.ts";
import {
  changeLabel,
  errorWords,
  fieldWords,
  probeWords,
  problemWords,
  remedyWords,
  valueWords,
} from "../../tui/network-words.ts";
import { bond, bridge, ethernet, four, network, six, vlan } from "../core/model/network/networks.ts";
import { wrongNetworks } from "../core/model/network/wrong.ts";
import { root } from "../support/programs.ts";

const [english, chinese] = [translator("en", en), translator("zh", zh)];
const isChinese = (text: string) => /\p{Script=Han}/u.test(text);

/** All that matches in the sources of a folder. */
function inSources(pattern: string, what: RegExp): string[] {
  const files = globSync(pattern, { cwd: root });
  const found = files.flatMap((file) => [...readFileSync(join(root, file), "utf8").matchAll(what)]);
  return [...new Set(found.map((match) => match[1] ?? ""))].sort();
}

describe("a problem of a draft", () => {
  it("has a reason and a remedy in both languages, whichever it is", () => {
    for (const code of networkProblemCodes)
      for (const catalogue of [en, zh])
        for (const key of [`network.problem.${code}`, `network.remedy.${code}`])
          assert.ok(Object.hasOwn(catalogue, key), key);
  });

  it("is told with all that its sentences need, by every rule that finds it", () => {
    for (const [what, configuration, hardware = null] of wrongNetworks)
      for (const problem of networkProblems(configuration, hardware)) {
        const told = [
          problemWords(chinese, problem),
          remedyWords(chinese, problem),
          fieldWords(chinese, problem.field),
        ];
        assert.ok(
          isChinese(told[0] ?? "") && isChinese(told[1] ?? ""),
          `${what}: ${problem.code}: ${told.join(" | ")}`,
        );
        // A sentence that lacks a value gives way to the agent's, which is English.
        const own = [problemWords(english, problem), remedyWords(english, problem)].join(" ");
        assert.doesNotMatch(`${own} ${told.join(" ")}`, /\{\w+\}|undefined/, what);
        assert.notEqual(told[2], problem.field, what);
      }
  });

  it("names its field by the interface, dots and all", () => {
    assert.equal(fieldWords(english, "links.bond0.100.ipv4.routes.3.via"), "bond0.100 route");
    assert.equal(fieldWords(english, "links.bond0.bond.options.miimon"), "bond0 option");
    assert.equal(fieldWords(chinese, "timeServers.0"), "时间服务器");
    assert.equal(fieldWords(english, "links.eth0"), "eth0");
    assert.equal(fieldWords(english, ""), "");
  });
});

describe("what a change does", () => {
  it("is told in the console's language, though agents tell it in that of commands", () => {
    const route = { to: "10.8.0.0/16", via: "10.2.0.1", metric: 100 };
    const before = network([ethernet("eno1", four("10.0.0.5/24")), ethernet("eno2"), bridge("br0", ["eno2"])]);
    const after = network(
      [
        ethernet("eno1", { ...four(["10.0.0.5/24", "10.2.0.5/24"], { routes: [route] }), mtu: 9000 }),
        vlan("storage", "eno1", 30, six("fd00::5/64", { nameServers: ["fd00::1"] })),
        { ...ethernet("br0"), kind: "bridge", bridge: { ports: ["eno2"], stp: true } },
        bond("bond0", []),
      ],
      { managementLink: null },
    );
    const told = networkChanges(before, after).map((change) => {
      const { what, before: old, after: fresh } = change;
      return `${changeLabel(chinese, change)}: ${valueWords(chinese, what, old)} -> ${valueWords(chinese, what, fresh)}`;
    });
    assert.ok(told.includes("eno1 路由: - -> 10.8.0.0/16 经 10.2.0.1 度量值 100"), told.join("\n"));
    assert.ok(told.includes("eno1 MTU: 默认 -> 9000"), told.join("\n"));
    assert.ok(told.includes("storage 下层网卡: - -> eno1 上的 VLAN 30"), told.join("\n"));
    assert.ok(told.includes("storage IPv6: 关闭 -> 固定地址"), told.join("\n"));
    assert.ok(told.includes("storage 域名服务器 IPv6: - -> fd00::1"), told.join("\n"));
    assert.ok(told.includes("br0 STP: 关闭 -> 开启"), told.join("\n"));
    assert.ok(told.includes("管理网络: eno1 -> 默认路由所在的网卡"), told.join("\n"));
    // A name of the field says no more than the value does.
    assert.doesNotMatch(told.join("\n"), / via | metric | id |路由 10\./);
  });

  it("says that only the order of addresses is another one", () => {
    const [before, after] = [
      ["10.0.0.5/24", "10.2.0.5/24"],
      ["10.2.0.5/24", "10.0.0.5/24"],
    ].map((addresses) => network([ethernet("eno1", four(addresses))]));
    assert.ok(before !== undefined && after !== undefined);
    const [change] = networkChanges(before, after);
    assert.ok(change !== undefined);
    assert.equal(changeLabel(chinese, change), "eno1 地址 顺序");
  });
});

describe("how a change went", () => {
  it("has a sentence in both languages for everything that probes find", () => {
    const codes = inSources("core/node/network/probes/*.ts", /"([A-Z]+\.[A-Z_]+)"/g);
    assert.ok(codes.length > 20, codes.join(" "));
    const missing = codes.filter((code) => [en, zh].some((texts) => !Object.hasOwn(texts, `network.probe.${code}`)));
    assert.deepEqual(missing, []);
  });

  const failed: ProbeResult = {
    kind: "gateway",
    link: "eno1",
    outcome: "failed",
    code: "GATEWAY.SILENT",
    description: "The gateway 10.0.0.1 does not answer on eno1.",
    values: { link: "eno1", target: "10.0.0.1" },
  };
  const ended = (code: string, probes: ProbeResult[] = []): NetworkTransaction => ({
    id: "1",
    console: "tty1",
    phase: "rolledBack",
    startedAt: 0,
    endedAt: 1,
    remainingMs: null,
    changes: [],
    probes,
    why: "applyFailed",
    error: { code, description: "eno1: No lease." },
  });

  it("is told in the agent's words where it has none of its own for a probe, and with the reason that one was left out", () => {
    assert.equal(probeWords(chinese, { ...failed, code: "OF.TOMORROW" }), failed.description);
    assert.equal(probeWords(chinese, { ...failed, values: {} }), failed.description);
    assert.equal(
      probeWords(chinese, { ...failed, code: "PROBE.UNABLE", description: "ndisc6 is absent." }),
      "未能测试：ndisc6 is absent.",
    );
  });

  it("has a Chinese beginning for every way in which it fails, and what the machine said of it", () => {
    const codes = inSources("core/node/network/run.ts", /code: "(NET\.[A-Z_]+)"/g).filter(
      (code) => code !== "NET.ADDRESS_TAKEN",
    );
    assert.ok(codes.includes("NET.NOT_APPLIED"));
    for (const code of [...codes, "NET.NOT_RECOVERED", "NET.MANAGER_REFUSED", "NET.OF_TOMORROW"]) {
      const words = errorWords(chinese, ended(code)) ?? "";
      assert.ok(isChinese(words) && words.includes("eno1: No lease."), `${code}: ${words}`);
      assert.match(errorWords(english, ended(code)) ?? "", /eno1: No lease\./);
    }
  });

  it("is not called a failure where it is kept or taken back whole, and something else is to be known", () => {
    for (const code of ["NET.OTHER_HANDS", "NET.NOT_RECOVERED"])
      assert.doesNotMatch(errorWords(chinese, ended(code)) ?? "", /失败/);
  });

  it("is not told twice: what a probe found stands with the probes", () => {
    assert.equal(errorWords(english, ended("NET.PROBE_GATEWAY", [failed])), undefined);
    assert.equal(errorWords(english, ended("NET.ADDRESS_TAKEN", [failed])), undefined);
    assert.equal(errorWords(english, ended("NET.PROBE_GATEWAY")), "eno1: No lease.");
  });
});
