import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod/mini";
import type { Job } from "../../../core/model/records.ts";
import { pingScreen } from "../../../tui/screens/ping.ts";
import { press } from "../widgets/support.ts";
import { bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

test("the proposed address gives way to the one that is typed", async () => {
  const nodeSettings = { lockMinutes: 10, publicView: "panels" as const, pingTarget: "114.114.114.114" };
  const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), state: { nodeSettings } });
  const screen = pingScreen(control);
  assert.match(lines(screen).join("\n"), / 114\.114\.114\.114\n/);
  press(screen, "192.0.2.1");
  assert.match(lines(screen).join("\n"), / 192\.0\.2\.1\n/);
});

test("a test that was left and is brought back shows all its lines, each once, and those that come later", async () => {
  const job: Job = {
    id: "1",
    kind: "ping",
    subject: "192.0.2.1",
    console: "tty1",
    state: "running",
    startedAt: 0,
    endedAt: null,
    progress: null,
    cancellable: true,
    error: null,
    lines: 1,
  };
  const answers = ["icmp_seq=1"];
  const made = await bed({ ...(await recordedFacts("laptop-vm")), state: { jobs: [job] } });
  const control = {
    ...made.control,
    client: clientOf((call, request) => (call === "startPing" ? job : linesFrom(answers, request))),
  };
  const screen = pingScreen(control);
  const text = () => made.lines(screen).join("\n");
  const untilShown = (what: string) => untilAnswered(() => text().includes(what), text);
  screen.enter?.();
  press(screen, "192.0.2.1", "tab", "tab", "enter");
  await untilShown("icmp_seq=1");

  screen.leave?.();
  answers.push("icmp_seq=2");
  job.lines = 2;
  screen.enter?.();
  await untilShown("icmp_seq=2");
  assert.equal(text().split("icmp_seq=1").length - 1, 1);

  answers.push("icmp_seq=3");
  job.lines = 3;
  screen.changed?.();
  await untilShown("icmp_seq=3");
});

const jobLogRequest = z.object({ query: z.object({ from: z.number() }) });

function linesFrom(lines: readonly string[], request: unknown) {
  const first = jobLogRequest.parse(request).query.from;
  return { first, lines: lines.slice(first) };
}

test("the gateways and the manager are a key away, and nothing is sent before Enter", async () => {
  const calls: string[] = [];
  const client = clientOf((call) => {
    calls.push(call);
    return {};
  });
  const { control, lines } = await bed({ ...(await recordedFacts("bonded-server")), client });
  const screen = pingScreen(control);
  const target = () => /Address or name +(\S+)/.exec(lines(screen).join("\n"))?.[1];
  press(screen, "tab", "tab", "right");
  assert.equal(target(), "10.0.0.1");
  press(screen, "right");
  assert.equal(target(), "2001:db8:0:1::1");
  press(screen, "right");
  assert.match(lines(screen).join("\n"), /manager 10\.0\.0\.5 /);
  assert.equal(target(), "10.0.0.5");
  assert.deepEqual(calls, []);
});
