import assert from "node:assert/strict";
import { test } from "node:test";
import { hostName, mostUserDataBytes, sshPublicKeys, userData } from "../../../../core/model/cloud/guest-data.ts";
import { publicKey } from "../../../support/public-key.ts";

const base64 = (bytes: number) => Buffer.alloc(bytes, 0xff).toString("base64");

test("user data is base64 in one line, as long as EC2's and no longer", () => {
  for (const good of [base64(1), base64(2), base64(3), base64(mostUserDataBytes)])
    assert.ok(userData.safeParse(good).success, `${good.length}`);
  const bad = ["", "=", "AAA", "AA==\n", "AB==", "AAAA AAAA", "-_-_", "#cloud-config", base64(mostUserDataBytes + 1)];
  for (const each of bad) assert.ok(!userData.safeParse(each).success, JSON.stringify(each.slice(0, 40)));
});

test("a guest is called by labels of RFC 1123 in lower case, and by nothing that is something else", () => {
  const good = ["a", "web-1", "web-1.example.org", "3com", "x".repeat(63), `${"x".repeat(60)}.org`];
  for (const each of good) assert.ok(hostName.safeParse(each).success, each);
  const bad = ["", "-a", "a-", "a..b", ".a", "a.", "A", "a_b", "a b", "a\n", "ä", "10.0.0.1", "1", "localhost"];
  for (const each of [...bad, "localhost.org", "x".repeat(64), `${"x".repeat(61)}.org`, "a: b", "a\u0000"])
    assert.ok(!hostName.safeParse(each).success, JSON.stringify(each));
});

test("a public key is one line without options, of a type that its own bytes say, and is there once", () => {
  const key = publicKey("");
  const [type = "", bytes = ""] = key.split(" ");
  const good = [key, publicKey("anna@office, 2nd floor"), publicKey("Ånna")];
  for (const each of good) assert.ok(sshPublicKeys.safeParse([each]).success, each);
  assert.ok(sshPublicKeys.safeParse([]).success);
  const bad = [
    "",
    type,
    `${type} `,
    `ssh-rsa ${bytes}`,
    `ssh-dss ${bytes}`,
    `command="x" ${key}`,
    ` ${key}`,
    `${key} `,
    `${key}\n${key}`,
    `${key}\r`,
    `${key} x\u0000`,
    `${key} \u202eevil`,
    `${type}  ${bytes}`,
    `${type} ${bytes.slice(0, -4)}====`,
    `${type} ${bytes.slice(0, 20)}`,
    publicKey("x".repeat(4096)),
  ];
  for (const each of bad) assert.ok(!sshPublicKeys.safeParse([each]).success, JSON.stringify(each.slice(0, 60)));
  assert.ok(!sshPublicKeys.safeParse([key, key]).success);
  const many = Array.from({ length: 21 }, (_, n) => publicKey("", n));
  assert.ok(sshPublicKeys.safeParse(many.slice(1)).success);
  assert.ok(!sshPublicKeys.safeParse(many).success);
});
