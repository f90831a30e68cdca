import assert from "node:assert/strict";
import { test } from "node:test";
import { servicesScreen } from "../../../tui/screens/services.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts, styleOf } from "./support.ts";

test("failed services come first, then inactive ones; the others by name", async () => {
  const { control, lines, frame } = await bed(await recordedFacts("storage-failing"));
  const screen = servicesScreen(control);
  const shown = lines(screen);
  assert.equal(shown[1], "  14 services   1 failed   1 inactive");
  assert.match(shown[3] ?? "", /UNIT +STATE +SINCE +RESTARTS +PID/);
  assert.match(shown[4] ?? "", /^ {2}> logrotate +FAILED +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +0$/);
  assert.match(shown[5] ?? "", /^ {4}lldpd +inactive/);
  assert.match(shown[6] ?? "", /^ {4}binnacle-agent +active .* 1203$/);
  assert.equal(styleOf(frame(screen, 80, 24), "FAILED"), "bad");
  assert.equal(styleOf(frame(screen, 80, 24), "14 services"), "bad");
});

test("the details name the unit in full, since when, and say that there is no process", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const text = lines(servicesScreen(control)).join("\n");
  assert.match(text, /\n {2}logrotate\.service {3}Rotate log files\n/);
  assert.match(text, /Since +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(14 h\) +PID +- {2}no process\n/);
});

test("a service that was started again stands out", async () => {
  const { control, frame, lines } = await bed(await recordedFacts("storage-failing"));
  const screen = servicesScreen(control);
  lines(screen);
  press(screen, "/", "ttyS0");
  assert.match(lines(screen).join("\n"), /binnacle-console@ttyS0 +active +\S+ \S+ +2 +2218801\n/);
  assert.equal(styleOf(frame(screen, 80, 24), "2  2218801"), "warn");
});

test("a service that never changed says so instead of a time", async () => {
  const { facts, now } = await recordedFacts("laptop-vm");
  if (facts.services.state !== "value") throw new Error("the recording has services");
  const value = facts.services.value.map((service) => ({ ...service, since: null }));
  const { control, lines } = await bed({ now, facts: { ...facts, services: { ...facts.services, value } } });
  assert.match(lines(servicesScreen(control)).join("\n"), /Since +- {2}not changed since the machine started\n/);
});
