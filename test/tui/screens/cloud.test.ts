import assert from "node:assert/strict";
import { test } from "node:test";
import type { MembershipState } from "../../../core/model/records.ts";
import { cloudScreen } from "../../../tui/screens/cloud.ts";
import { bed, clientOf, recordedFacts, untilAnswered } from "./support.ts";

const digits = (byte: string) => Array.from({ length: 32 }, () => byte).join(":");

async function shown(state: MembershipState, until: string): Promise<string> {
  const made = await bed({ ...(await recordedFacts("bare")), client: clientOf(async () => state) });
  const screen = cloudScreen(made.control);
  made.control.open(screen);
  const text = () => made.lines(screen).join("\n");
  await untilAnswered(() => text().includes(until), text);
  return text();
}

test("a node without a cloud shows the digits that are compared when it is added, sixteen a line", async () => {
  const text = await shown({ port: 7070, fingerprint: digits("3F"), cloud: null, hostUuid: null }, "no cloud");
  assert.equal(text.match(/^ +3F(:3F){15}$/gm)?.length, 2);
  assert.match(text, /Listens on +TCP 7070/);
});

test("a node of a cloud shows that cloud and its own uuid", async () => {
  const hostUuid = "00000000000040008000000000000001";
  const text = await shown({ port: 7070, fingerprint: digits("3F"), cloud: digits("A0"), hostUuid }, hostUuid);
  assert.equal(text.match(/^ +A0(:A0){15}$/gm)?.length, 2);
});

test("an agent that does not listen says so in place of digits", async () => {
  const text = await shown({ port: null, fingerprint: null, cloud: null, hostUuid: null }, "does not listen");
  assert.doesNotMatch(text, /TCP/);
});
