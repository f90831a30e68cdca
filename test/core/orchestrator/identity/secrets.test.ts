import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { resources } from "../../../../core/model/cloud/resources.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { findSecret } from "../../../support/secret-search.ts";
import { another, Bed, home, logIn, right, wrong } from "./bed.ts";

test("no password and no token is in the store's files, in an error, or in what is returned or logged", async (t) => {
  const bed = await Bed.open(t);
  const manager = await bed.ready();
  const { identity } = manager;
  const seen: unknown[] = [];
  const notes = async (call: () => unknown) => {
    try {
      seen.push(await call());
    } catch (error) {
      assert.ok(error instanceof NodeError);
      seen.push(error, error.toBody());
    }
  };
  const one = await logIn(manager);
  const two = await logIn(manager);
  const short = new Secret("sh0rt?!");
  seen.push(one, two);
  await notes(() => identity.logIn("admin", wrong, home));
  await notes(() => identity.logIn(wrong.reveal().slice(0, 5), another, home));
  await notes(() => identity.changePassword({ token: one.token, old: right, next: short, clientAddress: home }));
  await notes(() => identity.changePassword({ token: one.token, old: wrong, next: another, clientAddress: home }));
  await notes(() => identity.changePassword({ token: one.token, old: right, next: another, clientAddress: home }));
  await notes(() => identity.authenticate(one.token));
  await notes(() => identity.authenticate(two.token));
  await notes(() => identity.authenticate(new Secret(`${one.token.reveal()}x`)));
  await notes(() => identity.logOut(two.token));
  seen.push(
    ...manager.mirror.all("Session"),
    ...manager.mirror.all("SessionToken"),
    ...manager.mirror.all("Credential"),
  );

  const secrets = [right, wrong, another, short, one.token, two.token].map((secret) => secret.reveal());
  const shown = seen.map((each) => inspect(each, { depth: null, showHidden: true }) + JSON.stringify(each)).join("\n");
  assert.equal(findSecret(shown, secrets), undefined);
  assert.equal(findSecret(bed.bytes(), secrets), undefined);
  // The search would find them: what is stored in the clear is there.
  assert.ok(bed.bytes().includes(one.sessionUuid));
});

test("what the API shows of a session and a user has no field for a hash", () => {
  const fields = [...Object.keys(resources.Session.schema.shape), ...Object.keys(resources.User.schema.shape)];
  assert.deepEqual(
    fields.filter((field) => /token|hash|passwordId/i.test(field)),
    [],
  );
});
