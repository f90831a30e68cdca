import assert from "node:assert/strict";
import { test } from "node:test";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { findPathMtu, pathMtuCheck } from "../../../../core/node/diagnostics/path-mtu.ts";
import { healthy, link, machineIn, pinged, type Situation, timeout } from "./machine.ts";

const usual: [mtu: number, path: number][] = [
  [1500, 1492],
  [1500, 1476],
  [1500, 1450],
  [1500, 1420],
  [1500, 1400],
  [1500, 1280],
  [9000, 1500],
  [9216, 1500],
];
for (const [mtu, path] of usual)
  test(`an interface of ${mtu} on a path of ${path} is found to pass ${path}`, async () => {
    const { probe } = pathOf(path);
    assert.deepEqual(await findPathMtu(mtu, 576, probe), { path: "smaller", passes: path });
  });

test("whatever the path carries, the size found passes, and lies within what five halvings leave", async () => {
  for (const mtu of [1500, 9000])
    for (let path = 576; path < mtu; path += 7) {
      const { probe, asked } = pathOf(path);
      const found = await findPathMtu(mtu, 576, probe);
      assert(found.path === "smaller" && found.passes <= path, `${mtu} ${path}`);
      // 1500 is tried before the middle, so that one halving of 9000 is spent on it.
      assert(path - found.passes < (mtu - 576) / 16, `${mtu} ${path}: ${found.passes}`);
      assert(asked.length <= 7);
    }
});

test("a path on which all is well costs one probe", async () => {
  const { probe, asked } = pathOf(1500);
  assert.deepEqual(await findPathMtu(1500, 576, probe), { path: "whole" });
  assert.deepEqual(asked, [1500]);
});

test("a gateway that answers nothing is silent after two probes, not a small path", async () => {
  const { probe, asked } = pathOf(0);
  assert.deepEqual(await findPathMtu(9000, 576, probe), { path: "silent" });
  assert.deepEqual(asked, [9000, 576]);
});

test("an interface at the least size has no smaller one to try", async () => {
  const { probe, asked } = pathOf(0);
  assert.deepEqual(await findPathMtu(1280, 1280, probe), { path: "silent" });
  assert.deepEqual(asked, [1280]);
});

test("the MTU that a router names is tried at once, and is the limit when it passes", async () => {
  const { probe, asked } = pathOf(1337, 1337);
  assert.deepEqual(await findPathMtu(1500, 576, probe), { path: "smaller", passes: 1337 });
  assert.deepEqual(asked, [1500, 576, 1337]);
});

for (const told of [0, 68, 1500, 65_535, Number.NaN])
  test(`an MTU of ${told} that somebody names does not lead the search astray`, async () => {
    const { probe } = pathOf(1400, told);
    assert.deepEqual(await findPathMtu(1500, 576, probe), { path: "smaller", passes: 1400 });
  });

const none: [what: string, situation: Situation][] = [
  ["a gateway on another link than that of management", on("eno2")],
  ["no gateway", { facts: { network: { ...healthy.network, gateways: [] } } }],
  [
    "a management link without carrier",
    { facts: { network: { ...healthy.network, links: [link("eno1", { management: true, carrier: false })] } } },
  ],
];
for (const [what, situation] of none)
  test(`nothing is sent with ${what}`, async () => {
    assert.deepEqual(await find({ ...situation, commands: [[/^ping/, timeout]] }), []);
  });

const unables: [what: string, ping: { code: number; stdout?: string; stderr?: string }, code: string][] = [
  ["a gateway that does not answer", { code: 1, stdout: pinged(0) }, "timeout"],
  ["no right to send", { code: 2, stderr: "ping: socket: Operation not permitted\n" }, "denied"],
  ["another program called ping", { code: 1, stderr: "ping: invalid option -- 'M'\n" }, "failed"],
];
for (const [what, ping, code] of unables)
  test(`with ${what} the path could not be checked`, async () => {
    const found = await find({ commands: [[/^ping/, ping]] });
    assert.deepEqual(
      found.map(({ outcome, unable }) => [outcome, unable?.code]),
      [["unable", code]],
    );
  });

test("what the kernel says of the route's MTU is understood", async () => {
  const stderr = "ping: local error: message too long, mtu=1337\n";
  const found = await find({
    commands: [
      [/^ping .* -s 1472 /, { code: 1, stdout: pinged(0), stderr }],
      [/^ping .* -s (548|1309) /, pinged(2)],
      [/^ping /, { code: 1, stdout: pinged(0) }],
    ],
  });
  assert.deepEqual(
    found.map(({ values }) => values["passes"]),
    ["1337"],
  );
});

/** A path that carries packets up to a size. */
function pathOf(largest: number, told?: number) {
  const asked: number[] = [];
  const probe = async (size: number) => {
    asked.push(size);
    return size <= largest ? { arrived: true } : { arrived: false, ...(told === undefined ? {} : { told }) };
  };
  return { probe, asked };
}

function on(name: string): Situation {
  const gateways = healthy.network.gateways.map((gateway) => ({ ...gateway, link: name }));
  return { facts: { network: { ...healthy.network, gateways } } };
}

async function find(situation: Situation) {
  return (await runDiagnostics({ ...machineIn(situation), checks: [pathMtuCheck] })).findings;
}
