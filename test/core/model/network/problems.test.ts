import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import {
  linkSettings,
  type NetworkConfiguration,
  networkConfiguration,
  type Route,
} from "../../../../core/model/network/configuration.ts";
import { networkProblemCodes } from "../../../../core/model/network/problem.ts";
import { networkProblems } from "../../../../core/model/network/problems.ts";
import { type NetworkProblem, networkProblem } from "../../../../core/model/network/transaction.ts";
import { Random } from "../../../support/random.ts";
import {
  bond,
  bridge,
  ethernet,
  four,
  management,
  network,
  randomNetwork,
  server,
  six,
  vlan,
  whole,
} from "./networks.ts";
import { wrongNetworks } from "./wrong.ts";

/* UPDATE_GOLDEN=1 keeps golden/problems.txt anew; read what it changed. */

const file = path.join(import.meta.dirname, "golden/problems.txt");

function described(what: string, problems: readonly NetworkProblem[]): string {
  const lines = problems.flatMap(({ code, severity, field, description, remedy }) => [
    `${severity} ${code} at ${JSON.stringify(field)}`,
    `  ${description}`,
    `  ${remedy}`,
  ]);
  return [`--- ${what}`, ...lines, ""].join("\n");
}

test("each wrong network is told what is wrong, where, why and what to do", () => {
  const found = wrongNetworks.map(([what, configuration, hardware = null]) => {
    const problems = networkProblems(configuration, hardware);
    assert.notDeepEqual(problems, [], what);
    return described(what, problems);
  });
  const text = found.join("\n");
  if (process.env["UPDATE_GOLDEN"] === "1") fs.writeFileSync(file, text);
  assert.equal(text, fs.readFileSync(file, "utf8"));
});

test("every problem that there is has a wrong network that shows it", () => {
  const shown = new Set(
    wrongNetworks.flatMap(([, given, hardware = null]) => networkProblems(given, hardware).map(({ code }) => code)),
  );
  assert.deepEqual(
    networkProblemCodes.filter((code) => !shown.has(code)),
    [],
  );
});

const right: [what: string, configuration: ReturnType<typeof network>][] = [
  ["a node with everything", whole],
  ["an empty bond that is just being made", network([management, bond("bond0", [])])],
  [
    "both addresses of a /31",
    network([ethernet("eno1", four("10.0.0.0/31", { gateway: "10.0.0.1", nameServers: ["10.9.0.2"] }))]),
  ],
  ["an IPv6 gateway that is link-local", network([{ ...management, ...six("fd00::5/64", { gateway: "fe80::1" }) }])],
  [
    "a gateway in the second of two networks",
    network([
      ethernet("eno1", four(["10.0.0.5/24", "10.4.0.5/16"], { gateway: "10.4.0.1", nameServers: ["10.0.0.2"] })),
    ]),
  ],
  [
    "a router that another route finds on the cable",
    network([
      {
        ...management,
        ipv4: {
          ...management.ipv4,
          routes: [
            { to: "10.7.0.0/16", via: "192.168.5.1", metric: null },
            { to: "192.168.5.1/32", via: null, metric: null },
          ],
        },
      },
    ]),
  ],
  ["a VLAN on a VLAN", network([management, vlan("eno2.5", "eno2", 5), vlan("eno2.5.6", "eno2.5", 6)])],
  ["a VLAN on a port", network([management, bridge("br0", ["eno2"]), vlan("eno2.5", "eno2", 5)])],
  ["a tunnel of somebody else's as a port", network([management, bridge("br0", ["vnet0"])])],
  [
    "a bond's options by number",
    network([management, bond("bond0", ["p5p1", "p5p2"], { options: { lacp_rate: "1", xmit_hash_policy: "2" } })]),
  ],
  [
    "a primary",
    network([
      management,
      bond("bond0", ["p5p1", "p5p2"], {
        mode: "active-backup",
        options: { miimon: "100", primary: "p5p2", fail_over_mac: "active" },
      }),
    ]),
  ],
];
for (const [what, configuration] of right)
  test(`nothing is said of ${what}`, () => assert.deepEqual(networkProblems(configuration, server), []));

test("a card that has died since is a warning where it was, and an error in a new place", () => {
  const before = network([management, bond("bond0", ["p5p1", "eth8"])]);
  const severities = (configuration: typeof before) =>
    networkProblems(configuration, server, before)
      .filter(({ code }) => code === "NET.LINK_UNKNOWN")
      .map(({ severity, field }) => `${severity} ${field}`);
  assert.deepEqual(severities(before), ["warning links.bond0.bond.legs.1"]);
  assert.deepEqual(severities(network([management, bond("bond0", ["p5p1", "eth9"])])), [
    "error links.bond0.bond.legs.1",
  ]);
});

test("what is wrong in force already is a warning, also in another place of its list, and an error where it is new", () => {
  const odd: Route = { to: "0.0.0.0/0", via: "10.0.0.254", metric: null };
  const right: Route = { to: "10.7.0.0/16", via: "10.0.0.254", metric: null };
  const having = (...routes: Route[]) => network([{ ...management, ipv4: { ...management.ipv4, routes } }]);
  const severities = (configuration: NetworkConfiguration, before: NetworkConfiguration) =>
    networkProblems(configuration, server, before)
      .filter(({ code }) => code.startsWith("NET.ROUTE"))
      .map(({ severity }) => severity);
  assert.deepEqual(severities(having(odd, right), having(right, odd)), ["warning"]);
  assert.deepEqual(severities(having(odd), having(right)), ["error"]);
  assert.deepEqual(severities(having({ ...odd, to: "10.7.1.0/16" }), having(odd)), ["error"]);
});

test("of an unknown machine nothing is said that depends on it", () => {
  const configuration = network([
    { ...management, mtu: 9216 },
    bond("bond0", ["eth1", "eth2"]),
    bridge("br0", ["eth3"]),
  ]);
  assert.notDeepEqual(networkProblems(configuration, server), []);
  assert.deepEqual(networkProblems(configuration, null), []);
});

test("random right networks have no error", () => {
  for (let seed = 0; seed < 300; seed++) {
    const { configuration, hardware } = randomNetwork(new Random(seed));
    const errors = networkProblems(configuration, hardware).filter(({ severity }) => severity === "error");
    assert.deepEqual(errors, [], `seed ${seed}`);
  }
});

const hostile = [
  "; rm -rf /",
  "../../etc/passwd",
  `"'\`$(reboot)`,
  "a\nb\r\nc",
  "%s%n%",
  "nul\u0000byte",
  "\u001b[2J\u009b31m",
  "\u202eevil\u2066",
  "\ud800 half",
  "__proto__",
  "constructor",
  "链路",
  " ",
  "",
  "x".repeat(10_000),
  "\u0001".repeat(10_000),
];

/** Every text of a value replaced, one at a time. */
function* variants(value: unknown, text: string): Generator<unknown> {
  if (typeof value === "string") yield text;
  else if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) for (const other of variants(each, text)) yield value.with(i, other);
    yield [...value, text];
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value))
      for (const other of variants(each, text)) yield { ...value, [key]: other };
    if ("miimon" in value) yield { ...value, [text]: "1" };
  }
}

/** Of the types, and nothing more: the limits of lengths are the edge's. */
function isConfiguration(value: unknown): value is typeof whole {
  const short = JSON.parse(JSON.stringify(value), (_, each) => (typeof each === "string" ? each.slice(0, 20) : each));
  return networkConfiguration.safeParse(short).success;
}

test("hostile text in any field is quoted, cut and never obeyed", () => {
  const legs = linkSettings.parse(
    bond("bond9", ["p5p1"], {
      mode: "active-backup",
      options: { miimon: "1", primary: "p5p1", arp_ip_target: "10.0.0.1" },
    }),
  );
  const start = { ...whole, timeServers: ["ntp.example.com"], links: [...whole.links, legs] };
  let count = 0;
  for (const text of hostile) {
    for (const variant of variants(start, text)) {
      if (!isConfiguration(variant)) continue;
      count++;
      for (const problem of networkProblems(variant, server)) {
        networkProblem.parse(problem);
        for (const sentence of [problem.description, problem.remedy]) {
          assert.match(sentence, /^[^\p{C}\p{Zl}\p{Zp}]+$/u);
          assert.ok(sentence.length <= 200, `${sentence.length}: ${sentence}`);
        }
        assert.ok(JSON.stringify(problem.values).length < 5000);
      }
    }
  }
  assert.ok(count > 400, String(count));
});

test("random text in several places is no reason to fail", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const { configuration, hardware } = randomNetwork(random);
    let value: unknown = configuration;
    for (let i = 0; i < 5; i++) {
      const other = random.pick([...variants(value, random.pick([...hostile, "eno1", "bond0", "10.0.0.5"]))]);
      if (isConfiguration(other)) value = other;
    }
    if (isConfiguration(value)) networkProblems(value, hardware);
  }
});
