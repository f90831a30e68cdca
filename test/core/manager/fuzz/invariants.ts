import assert from "node:assert/strict";
import * as z from "zod/mini";
import { statusOf } from "../../../../core/manager/failure.ts";
import type { CloudCall } from "../../../../core/model/cloud/calls/call.ts";
import { type CloudErrorCode, cloudErrors } from "../../../../core/model/cloud/error-codes.ts";
import { type CloudErrorBody, cloudErrorBody } from "../../../../core/model/cloud/refusal.ts";
import { resources } from "../../../../core/model/cloud/resources.ts";
import { vmStates } from "../../../../core/model/cloud/vm-states.ts";
import { isResourceKind, ownKinds, resourceKinds } from "../../../../core/orchestrator/kinds.ts";
import { findSecret } from "../../../support/secret-search.ts";
import type { FuzzedCloud } from "./cloud.ts";
import { plantedSecret } from "./hostile.ts";

/* What holds whatever anybody sends. */

/** One answer. `call`: whose answer it is, where that is certain. */
export function checkAnswer(answer: { statusCode: number; body: string }, call: CloudCall | undefined): void {
  const { statusCode: status, body } = answer;
  const some = body.slice(0, 2_000);
  assert.ok(status < 500, `${status} ${some}`);
  assert.equal(findSecret(body, [plantedSecret]), undefined, some);
  assert.deepEqual(Object.keys(Object.prototype), []);
  const json: unknown = JSON.parse(body);
  if (status < 300) {
    assert.ok(status === 200 || status === 202, String(status));
    const parsed = call?.output.safeParse(json);
    assert.ok(parsed?.success ?? true, `${some} ${JSON.stringify(parsed?.error?.issues)}`);
    return;
  }
  checkError(z.parse(cloudErrorBody, json).error, status);
}

function checkError(error: CloudErrorBody["error"], status: number): void {
  const { code, description, details, where = "", remedy = "" } = error;
  const told = JSON.stringify(error).slice(0, 2_000);
  assert.ok(Object.hasOwn(cloudErrors, code), told);
  assert.equal(description, cloudErrors[code as CloudErrorCode]);
  assert.equal(status, statusOf(code), told);
  assert.match(remedy, /[.?]\)?$/, told);
  assert.ok(where.length > 0 && details.length > 0, told);
  for (const text of [where, details, remedy]) {
    assert.ok(text.length < 8_000, told);
    assert.ok(!/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e]|\[object|undefined/u.test(text), told);
  }
}

/**
 * The cloud as it is left when all tasks have ended: every record is one of its kind, its owners are there, nothing is
 * being done any more, and nothing holds a secret.
 */
export async function checkCloud(cloud: FuzzedCloud): Promise<void> {
  const { store, audit, mirror, log } = cloud;
  await audit.flush();
  checkQuiet(cloud);
  const kinds = [...resourceKinds, ...ownKinds];
  for (const kind of kinds) {
    let after: string | undefined;
    for (;;) {
      const { records, next } = await store.list({ kind, limit: 500, ...(after === undefined ? {} : { after }) });
      for (const { key, value } of records) {
        const text = JSON.stringify(value);
        assert.equal(findSecret(text, [plantedSecret]), undefined, `${kind} ${key}`);
        if (!isResourceKind(kind)) continue;
        const parsed = z.safeParse(resources[kind].schema, value);
        assert.ok(parsed.success, `${kind}: ${text.slice(0, 1_000)} ${JSON.stringify(parsed.error?.issues)}`);
        assert.equal(value["uuid"], key);
        for (const [field, owner] of Object.entries(resources[kind].owners)) {
          const uuid = value[field];
          if (typeof uuid === "string" && isResourceKind(owner))
            assert.ok(mirror.get(owner, uuid) !== undefined, `${kind} ${key} belongs to no ${owner}.`);
        }
      }
      if (next === null) break;
      after = next;
    }
  }
  const lines = log();
  assert.equal(findSecret(lines, [plantedSecret]), undefined);
  assert.doesNotMatch(lines, /"level":[56]0/, lines.slice(0, 2_000));
}

/** Nothing is held by an operation that is over. */
function checkQuiet({ mirror, passwords }: FuzzedCloud): void {
  for (const kind of ["Flow", "TaskAudit"] as const) assert.equal(mirror.count(kind), 0, kind);
  assert.equal(passwords.size, 0);
  for (const { value } of mirror.all("Host")) {
    assert.notEqual(value.state, "PreMaintenance", JSON.stringify(value));
    assert.notEqual(value.status, "Connecting", JSON.stringify(value));
    assert.ok(mirror.get("HostCertificate", value.uuid) !== undefined, `Host ${value.uuid} has no certificate.`);
  }
  assert.equal(mirror.count("HostCertificate"), mirror.count("Host"));
  for (const { value } of mirror.all("VmInstance")) {
    const told = JSON.stringify(value);
    assert.equal(value.operation, null, told);
    assert.equal(value.hostUuid !== null, vmStates[value.state].onHost, told);
    if (value.hostUuid !== null) assert.ok(mirror.get("Host", value.hostUuid) !== undefined, told);
  }
  const nics = [...mirror.all("VmNic")].map(({ value }) => value);
  assert.equal(mirror.count("MacUse"), nics.length);
  const servers = [...mirror.all("L3Network")].filter(({ value }) => typeof value.dhcpServerIp === "string").length;
  assert.equal(mirror.count("AddressUse"), nics.filter(({ ip }) => ip !== null).length + servers);
}
