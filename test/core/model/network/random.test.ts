import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import {
  type NetworkConfiguration,
  networkConfiguration,
  noIpv4,
} from "../../../../core/model/network/configuration.ts";
import { cutOffs } from "../../../../core/model/network/cut-offs.ts";
import { networkChanges } from "../../../../core/model/network/difference.ts";
import { operate } from "../../../../core/model/network/operate.ts";
import { type NetworkOperation, networkOperation } from "../../../../core/model/network/operation.ts";
import { networkProblems } from "../../../../core/model/network/problems.ts";
import { renamesOf } from "../../../../core/model/network/rename.ts";
import { changeWords, cutOffWords } from "../../../../core/model/network/words.ts";
import { Random } from "../../../support/random.ts";
import { four, randomNetwork } from "./networks.ts";

const lacp = { do: "bond", mode: "802.3ad", options: { miimon: "100" } } as const;
const nothingSaved = () => undefined;

function randomOperation(random: Random, configuration: NetworkConfiguration): NetworkOperation {
  const known = [...configuration.links.map(({ name }) => name), "eno1", "eno2", "eno3"];
  const name = () =>
    random.chance(85) ? random.pick(known) : random.pick(["eth9", "bond7", "; rm -rf /", "x\n", "__proto__"]);
  const fresh = () => random.pick(["bond7", "bond8", "lan0", "br_x", "lan1"]);
  const bondName = () =>
    random.pick([...configuration.links.filter(({ kind }) => kind === "bond").map((each) => each.name), name()]);
  const makers: (() => NetworkOperation)[] = [
    () => ({ do: "address", link: name(), ...four(`10.99.${random.below(9)}.5/24`) }),
    () => ({ do: "address", link: name(), ipv4: { ...noIpv4, method: "dhcp" } }),
    () => {
      const link = random.pick(configuration.links);
      const { addresses, routes } = random.chance(50) ? link.ipv4 : link.ipv6;
      const before = random.chance(30) || addresses.length === 0 ? null : random.pick(addresses);
      const way = random.chance(30) || routes.length === 0 ? null : random.pick(routes);
      const fresh = { to: random.pick(["10.77.0.0/16", "fd77::/64", "; rm\n"]), via: null, metric: null };
      const after = random.chance(30) ? null : { address: random.pick(["10.66.0.5", "fd66::5", "x\n"]), prefix: 24 };
      return random.chance(50)
        ? { do: "oneAddress", link: link.name, before, after }
        : { do: "oneRoute", link: name(), before: way, after: random.chance(30) ? null : fresh };
    },
    () => ({ do: "mtu", link: name(), mtu: random.pick([null, 1500, 9000, 1]) }),
    () => ({ ...lacp, link: random.chance(50) ? fresh() : bondName(), change: random.chance(30) }),
    () => ({ do: "attach", bond: bondName(), leg: name() }),
    () => ({ do: "detach", bond: bondName(), leg: name() }),
    () => ({ do: "vlan", parent: name(), id: random.pick([0, 5, 6, 7]) }),
    () => ({ do: "bridge", link: fresh(), port: name() }),
    () => ({ do: "delete", link: name(), kind: random.pick(["bond", "vlan", "bridge", "ethernet"] as const) }),
    () => ({ do: "rename", link: name(), to: fresh() }),
    () => ({ do: "management", link: random.chance(20) ? null : name() }),
  ];
  return random.pick(makers)();
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}

test("random operations fail with a reason or lead to what all others can take", () => {
  let done = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const { configuration: start, hardware } = randomNetwork(random);
    let configuration = freeze(start);
    for (let i = 0; i < 12; i++) {
      const operation = networkOperation.parse(randomOperation(random, configuration));
      let next: NetworkConfiguration;
      try {
        next = freeze(operate(configuration, [operation], nothingSaved, random.chance(50) ? hardware : null));
      } catch (error) {
        assert.ok(error instanceof NodeError && error.code.startsWith("NET."), `seed ${seed}: ${error}`);
        assert.ok(
          error.remedy !== undefined && error.message.length < 200 && !error.message.includes("\n"),
          `seed ${seed}`,
        );
        continue;
      }
      done++;
      networkConfiguration.parse(next);
      networkProblems(next, hardware, configuration);
      const renames = renamesOf([operation]);
      for (const told of [renames, new Map<string, string>()]) {
        for (const change of networkChanges(configuration, next, told)) assert.match(changeWords(change), /^[ -~]+$/);
        const activity = {
          managementAddresses: ["10.0.1.5"],
          managementLink: "eno1",
          sessions: [],
          runningMigrations: 1,
          storageMounts: [{ mount: "/a", server: "10.0.2.9" }],
          runningVirtualMachines: 2,
        };
        for (const cutOff of cutOffs(configuration, next, activity, told))
          assert.match(cutOffWords(cutOff), /^[ -~]+$/);
      }
      const names = next.links.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, `seed ${seed}: a name twice`);
      configuration = next;
    }
  }
  assert.ok(done > 1000, String(done));
});

test("a rename there and back changes nothing", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const { configuration, hardware } = randomNetwork(random);
    const name = random.pick([...configuration.links, ...hardware.links]).name;
    const there: NetworkOperation = { do: "rename", link: name, to: "elsewhere" };
    const back: NetworkOperation = { do: "rename", link: "elsewhere", to: name };
    const moved = operate(configuration, [there], nothingSaved, hardware);
    assert.deepEqual(operate(configuration, [there, back], nothingSaved, hardware), configuration, `seed ${seed}`);
    const what = networkChanges(configuration, moved, renamesOf([there])).map((change) => change.what);
    assert.deepEqual(
      what.filter((each) => each !== "name"),
      [],
      `seed ${seed}`,
    );
    assert.ok(what.includes("name"), `seed ${seed}`);
    assert.deepEqual([...renamesOf([there, back])], []);
  }
});
