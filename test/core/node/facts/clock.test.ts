import assert from "node:assert/strict";
import { test } from "node:test";
import { clockSource, parseChrony, parseTimesync } from "../../../../core/node/facts/clock.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { answering } from "./hand-machine.ts";

const read = (machine: ReturnType<typeof answering>) => clockSource().read(machine, new AbortController().signal);
const chronyc = "chronyc -c -N -m tracking sources -a";

const inSync = `0A000002,ntp1.example.net,3,1795269575.310221117,-0.000018233,-0.000009121,0.000031441,-7.213,0.001,0.022,0.000412331,0.000210334,64.4,Normal
^,*,ntp1.example.net,2,6,377,23,-0.000014201,-0.000023322,0.001203311
^,+,pool.example.net,2,6,377,25,0.000031022,0.000021901,0.001411200
^,-,pool.example.net,2,6,377,25,0.000031022,0.000021901,0.001411200
`;

test("chrony in sync: the source by the name it was configured with, a clock that is fast is positive", () => {
  assert.deepEqual(parseChrony(inSync), {
    daemon: "chrony",
    inSync: true,
    source: "ntp1.example.net",
    offsetSeconds: 0.000018233,
    servers: ["ntp1.example.net", "pool.example.net"],
  });
});

test("chrony that has not heard from its servers is not in sync, and they are listed", () => {
  const text = `00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,12.402,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised
^,?,10.0.0.5,0,10,0,4294967295,0.000000000,0.000000000,0.000000000
`;
  assert.deepEqual(parseChrony(text), {
    daemon: "chrony",
    inSync: false,
    source: null,
    offsetSeconds: null,
    servers: ["10.0.0.5"],
  });
});

test("chrony that only trusts its own clock says Normal and is not in sync all the same", () => {
  const text =
    "7F7F0101,,8,1795253274.676666771,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n";
  const { inSync: synced, source } = parseChrony(text);
  assert.deepEqual([synced, source], [false, null]);
});

for (const text of ["", "hello\n", "0A000002,ntp1,3,1,x,0,0,0,0,0,0,0,0,Normal\n"]) {
  test(`chronyc printing ${JSON.stringify(text)} is nonsense`, () => {
    assert.throws(() => parseChrony(text), new FactMissing("nonsense", "chronyc"));
  });
}

const now = 1_795_269_787_000;
const empty = '{"type":"as","data":[]}';

function timesync(at: number, stratum = 2, server = "0.debian.pool.ntp.org"): string {
  const us = at * 1000;
  const message = [
    0,
    4,
    4,
    stratum,
    -24,
    0,
    0,
    [192, 0, 2, 123],
    us,
    us + 18213,
    us + 18240,
    us + 35100,
    false,
    41,
    2211,
  ];
  return [
    empty,
    '{"type":"as","data":["ntp.example.net"]}',
    empty,
    '{"type":"as","data":["0.debian.pool.ntp.org"]}',
    JSON.stringify({ type: "s", data: server }),
    JSON.stringify({ type: "(uuuuittayttttbtt)", data: message }),
  ].join("\n");
}

test("timesyncd in sync: offset by RFC 5905, configured servers before the fallback", () => {
  const clock = parseTimesync(timesync(now - 60_000), true, now);
  assert.deepEqual(clock, {
    daemon: "timesyncd",
    inSync: true,
    source: "0.debian.pool.ntp.org",
    offsetSeconds: -0.0006765,
    servers: ["ntp.example.net"],
  });
});

test("timesyncd that never set the clock, has no server, or lost it ten hours ago is not in sync", () => {
  assert.equal(parseTimesync(timesync(now - 60_000), false, now).inSync, false);
  assert.equal(parseTimesync(timesync(now - 60_000, 2, ""), true, now).inSync, false);
  assert.equal(parseTimesync(timesync(now - 36_000_000), true, now).inSync, false);
  const silent = parseTimesync(timesync(0, 0, ""), false, now);
  assert.deepEqual([silent.source, silent.offsetSeconds], [null, null]);
});

test("a machine with chrony installed but stopped, and nobody else, has no clock daemon running", async () => {
  const machine = answering({ commands: { [chronyc]: { code: 1, stdout: "506 Cannot talk to daemon\n" } } });
  await assert.rejects(read(machine), new FactMissing("notRunning", "chrony, systemd-timesyncd"));
});

test("another daemon is seen by the kernel's word only", async () => {
  const machine = answering({
    commands: { "timedatectl show --property=NTPSynchronized --value": { stdout: "yes\n" } },
  });
  const clock = await read(machine);
  assert.deepEqual([clock.daemon, clock.inSync, clock.offsetSeconds], ["other", true, null]);
});
