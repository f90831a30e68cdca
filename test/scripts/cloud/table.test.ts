import assert from "node:assert/strict";
import { test } from "node:test";
import { type ResourceKind, resources } from "../../../core/model/cloud/resources.ts";
import { cutColumnsOf, tableColumns } from "../../../scripts/cloud/columns.ts";
import { columnsOf } from "../../../scripts/cloud/places.ts";
import { recordText, tableText } from "../../../scripts/cloud/table.ts";
import { taskNote } from "../../../scripts/cloud/task-note.ts";
import { golden } from "./bed.ts";

process.env["TZ"] = "UTC";

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

test("neither a time nor a uuid is ever cut, and of a list none of its values", () => {
  const moment = { createDate: 1_800_000_000_000, lastOpDate: 1_800_000_000_000 };
  const row = { name: "a name that is rather long", description: "words ".repeat(20), uuid, ...moment };
  const lists = { ip: ["10.0.0.1", "10.0.0.22", "10.0.0.333"].join(","), vmNicUuids: [uuid, uuid, uuid] };
  for (let width = 40; width < 170; width++) {
    const { text } = tableText(["name", "uuid", "createDate", "description", "lastOpDate"], [row], width);
    const { text: withLists } = tableText(["ip", "name", "vmNicUuids"], [{ ...row, ...lists }], width);
    for (const line of `${text}${withLists}`.trimEnd().split("\n")) {
      assert.ok(columnsOf(line) <= width, line);
      for (const [part = ""] of line.matchAll(/\b[\da-f]{9,}|2027\S*( \S+)?/g))
        assert.ok(part === uuid || part === "2027-01-15 08:00:00", line);
      for (const [part = ""] of line.matchAll(/10\.0[^,~ ]*/g)) assert.match(part, /^10\.0\.0\.(1|22|333)$/, line);
    }
  }
});

test("a value of one resource that is longer than its line goes on in the next, at a comma or a blank", () => {
  const text = recordText({ tags: ["os::distribution::debian", "cpu::model::AMD-EPYC", "x::y"], uuid }, 44);
  assert.equal(
    text,
    [
      "field  value",
      "-----  --------------------------------",
      "tags   os::distribution::debian,",
      "       cpu::model::AMD-EPYC,x::y",
      `uuid   ${uuid}`,
      "",
    ].join("\n"),
  );
});

test("below a task stands why it failed, or how far it is", () => {
  const error = { code: "SYS.1022", description: "A step failed", details: "detach.", where: "Zone east" };
  const tasks = [
    { call: "DeleteZone", name: "Delete Zone east", state: "Failed", progress: 40, error, uuid },
    { call: "ReconnectHost", name: "Reconnect", state: "Running", progress: 40, step: "ask it", error: null, uuid },
    { call: "CreateVmInstance", name: "Create", state: "Succeeded", progress: 100, step: null, error: null, uuid },
  ].map((task) => ({ ...task, createDate: 1_800_000_000_000, endDate: null }));
  const { text } = tableText(tableColumns.Task, tasks, 80, { noteOf: taskNote, cut: cutColumnsOf.Task });
  assert.equal(text, golden("tasks.txt", text));
});

test("the table of the audit has what was called with what, by whom, and what became of it", () => {
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

test("each column of a kind's table is a field of the kind, but for those of a machine that others know", () => {
  const others = ["VmInstance.ip", "VmInstance.host"];
  for (const [kind, columns] of Object.entries(tableColumns)) {
    const shape = resources[kind as ResourceKind].schema.shape;
    for (const column of columns)
      assert.ok(Object.hasOwn(shape, column) || others.includes(`${kind}.${column}`), `${kind}.${column}`);
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
