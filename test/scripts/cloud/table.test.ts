import assert from "node:assert/strict";
import { test } from "node:test";
import { type ResourceKind, resources } from "../../../core/model/cloud/resources.ts";
import { tableColumns } from "../../../scripts/cloud/columns.ts";
import { columnsOf, recordText, tableText } from "../../../scripts/cloud/table.ts";
import { golden } from "./bed.ts";

const uuid = "5f4f5bd1e0b24e9b8b4f5f5e6c3a2d10";
const hosts = [
  { name: "host-1", uuid, managementIp: "192.168.0.11", state: "Enabled", status: "Connected" },
  {
    name: "机房东侧的第三台计算服务器",
    uuid,
    managementIp: "192.168.0.12",
    state: "PreMaintenance",
    status: "Connecting",
  },
  { name: "a name of a host that is rather long", uuid, managementIp: null, state: "Disabled", status: "Disconnected" },
].map((row) => ({ ...row, cpuUsed: 4, cpuCores: 64, memoryUsed: 8 * 1024 ** 3, memoryTotal: 405_822_656_512 }));

test("tables fit their width: columns are left out from the end, names are cut, identifiers never", () => {
  process.env["TZ"] = "UTC";
  const texts = [50, 80, 100, 160].map((width) => {
    const { text, leftOut } = tableText(tableColumns.Host, hosts, width);
    for (const line of text.trimEnd().split("\n")) assert.ok(columnsOf(line) <= width, line);
    assert.equal(text.match(new RegExp(uuid, "g"))?.length ?? 0, 3);
    return `${width} columns, without ${leftOut.join(", ") || "none"}:\n${text}`;
  });
  const record = recordText({ ...hosts[1], createDate: 1_800_000_000_000, tags: ["a", "b"], nested: { x: 1 } }, 80);
  const text = `${texts.join("\n")}\nOne:\n${record}`;
  assert.equal(text, golden("tables.txt", text));
});

test("the table of the audit has what was called with what, by whom, and what became of it", () => {
  process.env["TZ"] = "UTC";
  const call = { createDate: 1_800_000_000_000, accountName: "admin", clientAddress: "192.0.2.1", count: 1, uuid };
  const rows = [
    { ...call, call: "CreateVmInstance", succeeded: null, errorCode: null, arguments: `name=web hostUuid=${uuid}` },
    { ...call, call: "StopVmInstance", succeeded: false, errorCode: "HOST.1010", arguments: null },
    { ...call, call: "LogInByAccount", accountName: "unknown account", succeeded: false, errorCode: "IDENTITY.1002" },
  ];
  const texts = [80, 132].map((width) => tableText(tableColumns.AuditRecord, rows, width).text);
  const text = texts.join("\n");
  assert.equal(text, golden("audit.txt", text));
});

test("each column of a kind's table is a field of the kind", () => {
  for (const [kind, columns] of Object.entries(tableColumns)) {
    const shape = resources[kind as ResourceKind].schema.shape;
    for (const column of columns) assert.ok(Object.hasOwn(shape, column), `${kind}.${column}`);
  }
});

test("a table without rows has its heads, and one of strange values does not fail", () => {
  assert.equal(tableText(["name", "uuid"], [], 80).text, "name  uuid\n----  ----\n");
  const strange = [
    { name: undefined, uuid: Number.NaN },
    { createDate: 1e300, size: -1 },
    { name: "x".repeat(10_000) },
  ];
  const { text } = tableText(["name", "uuid", "createDate", "size"], strange, 60);
  for (const line of text.trimEnd().split("\n")) assert.ok(line.length <= 60, line);
});
