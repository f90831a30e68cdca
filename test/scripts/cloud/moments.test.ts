import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../scripts/cloud/arguments.ts";
import { momentText, readMoment } from "../../../scripts/cloud/moments.ts";
import { readRequest } from "../../../scripts/cloud/request.ts";
import { wordsOf } from "../../../scripts/cloud/words.ts";

/** Half an hour off, so that nothing of it can be taken for UTC. */
process.env["TZ"] = "Asia/Kolkata";

const second = Date.parse("2027-01-15T08:00:00Z");
const conditions = (...words: string[]) => readRequest(["QueryTask", ...words]).texts.get("q");

test("a time means the same in a condition as it does in a table, whatever the zone", () => {
  const printed = momentText(second + 730);
  assert.equal(printed, "2027-01-15 13:30:00");
  assert.deepEqual(readMoment(printed), { ms: second, isSecond: true });
  for (const text of ["2027-01-15T13:30", "2027-01-15 13:30:00.000", "2027-01-15T08:00Z", "2027-01-15 09:00+01:00"])
    assert.deepEqual(readMoment(text), { ms: second, isSecond: false }, text);
  assert.equal(readMoment("2027-01-15")?.ms, Date.parse("2027-01-14T18:30:00Z"));
  assert.equal(readMoment(String(second))?.ms, second);
});

test("a second of a table is found whole, with the milliseconds that the table does not show", () => {
  const time = "2027-01-15 13:30:00";
  assert.deepEqual(conditions(`createDate=${time}`), [`createDate>=${second}`, `createDate<${second + 1000}`]);
  assert.deepEqual(conditions(`createDate>${time}`), [`createDate>=${second + 1000}`]);
  assert.deepEqual(conditions(`createDate<=${time}`), [`createDate<${second + 1000}`]);
  assert.deepEqual(conditions(`createDate>=${time}`, `endDate<${time}`), [
    `createDate>=${second}`,
    `endDate<${second}`,
  ]);
  assert.deepEqual(conditions(`createDate<=${second}`), [`createDate<=${second}`]);
  assert.deepEqual(conditions(`createDate?=${time},${second + 5}`), [`createDate?=${second},${second + 5}`]);
});

test("times of related resources are read too, and no other value is touched", () => {
  const query = (...words: string[]) => readRequest(["QueryVmInstance", ...words]).texts.get("q");
  assert.deepEqual(query("host.createDate>2027-01-15T08:00Z"), [`host.createDate>${second}`]);
  const others = ["name=2027-01-15", "description=2027-01-15 08:00:00", "nothing.createDate>x", "createDate~=2027%"];
  assert.deepEqual(query(...others), others);
  assert.deepEqual(conditions("endDate=null", "endDate!=null"), ["endDate=null", "endDate!=null"]);
});

test("what is no time is wrong usage that shows the right form, and asks nothing", () => {
  for (const text of [
    "yesterday",
    "2027-02-30",
    "2027-13-01",
    "2027-01-15 25:00",
    "15.01.2027",
    "2027-01-15 08:00 UTC",
    "",
  ])
    assert.throws(
      () => conditions(`createDate>${text}`),
      (error) => error instanceof UsageError && error.message.includes('"2027-01-15 08:00:00" (local time)'),
      text,
    );
});

test("at the prompt the blank of a time stands in quotes, and who forgets them is told", () => {
  for (const line of [
    `QueryTask createDate>"2027-01-15 13:30"`,
    `QueryTask "createDate>2027-01-15 13:30"`,
    "QueryTask 'createDate>2027-01-15 13:30'",
    "QueryTask createDate>2027-01-15\\ 13:30",
  ])
    assert.deepEqual(readRequest(wordsOf(line).words).texts.get("q"), [`createDate>${second}`], line);
  assert.throws(
    () => readRequest(wordsOf("QueryTask createDate>2027-01-15 13:30:00").words),
    /13:30:00 is no condition\. A time with a blank in it stands in quotes: 'createDate>=2027-01-15 08:00:00'/,
  );
});
