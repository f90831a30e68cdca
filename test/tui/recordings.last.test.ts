import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { it } from "node:test";
import { firstPassword, plantedPasswords } from "../core/node/planted.ts";
import { filesBelow, findSecret } from "../support/secret-search.ts";
import { goodPassword } from "../support/steps.ts";

const folder = process.env["BINNACLE_TEST_RECORDINGS"];
const hasRecordings = folder !== undefined && existsSync(folder) && filesBelow(folder).length > 0;

it(
  "no screen of the whole run ever showed one of the passwords that the tests type",
  hasRecordings ? {} : { skip: "there are no recordings: it is the last part of npm test" },
  () => {
    const secrets = [goodPassword, "Second-lighthouse-7", "plAnted", firstPassword, ...plantedPasswords];
    for (const { file, text } of filesBelow(folder ?? "")) assert.equal(findSecret(text, secrets), undefined, file);
  },
);
