import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallOutput } from "../../../core/model/cloud/calls/index.ts";
import { adminPassword, testCloud } from "../../support/cloud/manager.ts";
import { refuses } from "../store/conformance.ts";

test("root's door sets admin's password without the old one, to be changed or not, and its sessions end", async (t) => {
  const { call, cloud } = await testCloud(t);
  const asRoot = { isRoot: true, token: undefined, address: "root", requestBytes: 0 };
  const reset = (input: object) => cloud.dispatcher.run("ResetAccountPassword", input, asRoot);
  const logIn = async (password: string) => {
    const ask = { token: undefined, address: "192.0.2.1", requestBytes: 0 };
    const answer = await cloud.dispatcher.run("LogInByAccount", { accountName: "admin", password }, ask);
    return (answer as CallOutput<"LogInByAccount">).session.mustChangePassword;
  };
  await refuses(call("ResetAccountPassword", { newPassword: "another long secret" }), "IDENTITY.1030");
  await refuses(reset({ newPassword: "short" }), "IDENTITY.1007");
  assert.equal(await logIn(adminPassword), false);
  await reset({ newPassword: "another long secret" });
  assert.equal(await logIn("another long secret"), false);
  await refuses(call("QueryZone", {}), "IDENTITY.1001");
  await reset({ newPassword: "a third long secret", mustChange: true });
  assert.equal(await logIn("a third long secret"), true);
});
