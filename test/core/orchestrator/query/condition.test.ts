import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../../core/model/cloud/refusal.ts";
import type { ResourceKind } from "../../../../core/model/cloud/resources.ts";
import { resourceKinds } from "../../../../core/orchestrator/kinds.ts";
import { parseCondition } from "../../../../core/orchestrator/query/condition.ts";
import { queryFields, queryRelations } from "../../../../core/orchestrator/query/fields.ts";
import { compileLike } from "../../../../core/orchestrator/query/like.ts";
import { links, relationsOf, unlinked, uuidFields } from "../../../../core/orchestrator/query/relations.ts";
import { parseQuery, type QueryRequest } from "../../../../core/orchestrator/query/request.ts";
import type { Json } from "../../../../core/store/record.ts";
import { Random } from "../../../support/random.ts";
import { regexOf } from "./naive.ts";

const meanings: readonly [kind: ResourceKind, text: string, meaning: string, holds: Json[], fails: Json[]][] = [
  ["VmInstance", "name=web-1", "name = web-1", ["web-1"], ["Web-1", "web-12"]],
  ["VmInstance", "name!=web-1", "name != web-1", ["web-2"], ["web-1"]],
  ["VmInstance", "name==a=b", "name = =a=b", ["=a=b"], ["a=b"]],
  ["VmInstance", "name~=web%", "name ~= web%", ["web", "WEB-7"], ["a web"]],
  ["VmInstance", "name~=web", "name ~= web", ["WEB"], ["web-7"]],
  ["VmInstance", "name!~=%7", "name !~= %7", ["web-8"], ["web-7"]],
  ["VmInstance", "description=null", "description = null", [null], ["null", ""]],
  ["VmInstance", "description!=null", "description != null", ["null"], [null]],
  ["VmInstance", "description!=web", "description != web", [null, "a"], ["web"]],
  ["VmInstance", "description=", "description = ", [""], [null]],
  ["VmInstance", "name?=null", "name ?= null", ["null"], ["web"]],
  ["VmInstance", "memorySize>=1G", "memorySize >= 1073741824", [2 ** 30, 2 ** 31], [2 ** 30 - 1, null]],
  ["VmInstance", "memorySize<1073741824", "memorySize < 1073741824", [2 ** 30 - 1], [2 ** 30, null]],
  ["VmInstance", "cpuNum?=1,2", "cpuNum ?= 1,2", [1, 2], [3]],
  ["VmInstance", "cpuNum!?=1,2", "cpuNum !?= 1,2", [3], [1]],
  ["VmInstance", "createDate>2026-01-31", "createDate > 1769817600000", [1769817600001], [1769817600000]],
  [
    "VmInstance",
    "createDate<=2026-01-31T01:00:00+01:00",
    "createDate <= 1769817600000",
    [1769817600000],
    [1769817600001],
  ],
  ["VmInstance", "locked=true", "locked = true", [true], [false]],
  ["VmInstance", "state~=%ing", "state ~= %ing", ["Running", "Starting"], ["Stopped"]],
  ["Host", "tags?=a,hvm::vmx", "tags ?= a,hvm::vmx", [["b", "hvm::vmx"]], [["b"], []]],
  ["Host", "tags!=hvm::vmx", "tags != hvm::vmx", [["b"], []], [["b", "hvm::vmx"]]],
  ["Host", "tags~=os::%", "tags ~= os::%", [["a", "os::b"]], [[]]],
  ["L3Network", "ipVersion=6", "ipVersion = 6", [6], [4]],
  ["Host", "vmInstance.vmNics.ip=10.21.100.2", "vmInstance/vmNics/ip = 10.21.100.2", ["10.21.100.2"], [null]],
];

test("a condition means what its field's type says", () => {
  for (const [kind, text, meaning, holds, fails] of meanings) {
    const { path, field, operator, values, test: isMet } = parseCondition(kind, text, "conditions.0");
    const names = [...path.map(({ name }) => name), field.name].join("/");
    assert.equal(`${names} ${operator} ${values.map(String).join(",")}`, meaning);
    for (const value of holds) assert.ok(isMet(value), `${text} holds for ${JSON.stringify(value)}`);
    for (const value of fails) assert.ok(!isMet(value), `${text} fails for ${JSON.stringify(value)}`);
  }
});

const many = (count: number, text: string) => Array.from({ length: count }, () => text);

const errors: readonly [kind: ResourceKind, request: QueryRequest, error: string][] = [
  [
    "VmInstance",
    { conditions: ["name=a", "nmae=web"] },
    "SYS.1030 conditions.1: VmInstance has no field or relation nmae. | Did you mean name?",
  ],
  [
    "VmInstance",
    { conditions: ["memory>1G"] },
    "SYS.1030 conditions.0: VmInstance has no field or relation memory. | Did you mean memorySize?",
  ],
  [
    "Zone",
    { conditions: ["qqqqqq=1"] },
    "SYS.1030 conditions.0: Zone has no field or relation qqqqqq. | There are uuid, name, description, createDate, lastOpDate, state, tags, cluster, primaryStorage, backupStorage and l2Network.",
  ],
  [
    "VmInstance",
    { conditions: ["vmNic.ip=10.0.0.1"] },
    "SYS.1030 conditions.0: VmInstance has no field or relation vmNic. | Did you mean vmNics or vmNicUuids?",
  ],
  [
    "VmInstance",
    { conditions: ["vmNics=a"] },
    "SYS.1030 conditions.0: vmNics of VmInstance is another resource. | Name a field of it: vmNics.uuid.",
  ],
  [
    "Cluster",
    { conditions: ["name.uuid=a"] },
    "SYS.1030 conditions.0: name of Cluster leads to no other resource. | It has zone, host, primaryStorage, vmInstance, l2Network.",
  ],
  [
    "VmInstance",
    { conditions: ["__proto__=a"] },
    "SYS.1030 conditions.0: VmInstance has no field or relation __proto__. | There are uuid, name, description, createDate, lastOpDate, clusterUuid, hostUuid, lastHostUuid, instanceOfferingUuid, imageUuid, rootVolumeUuid, defaultL3NetworkUuid and 26 more.",
  ],
  [
    "VmInstance",
    { conditions: ["name"] },
    'SYS.1031 conditions.0: "name" is not a field, an operator and a value. | Write it as name=web-1, cpuNum>=4, name~=web% or vmNics.ip=10.0.0.7.',
  ],
  [
    "VmInstance",
    { conditions: ["name ~= web\u001b[31m"] },
    'SYS.1031 conditions.0: "name ~= web\\u001b[31m" is not a field, an operator and a value. | Write it as name=web-1, cpuNum>=4, name~=web% or vmNics.ip=10.0.0.7.',
  ],
  [
    "VmInstance",
    { conditions: [".ip=1"] },
    'SYS.1031 conditions.0: ".ip=1" is not a field, an operator and a value. | Write it as name=web-1, cpuNum>=4, name~=web% or vmNics.ip=10.0.0.7.',
  ],
  [
    "VmInstance",
    { conditions: ["name>web"] },
    "SYS.1032 conditions.0: name is of type text and takes no >. | It takes = != ~= !~= ?= !?=.",
  ],
  [
    "VmInstance",
    { conditions: ["cpuNum~=4%"] },
    "SYS.1032 conditions.0: cpuNum is of type number and takes no ~=. | It takes = != > < >= <= ?= !?=.",
  ],
  [
    "VmInstance",
    { conditions: ["locked?=true"] },
    "SYS.1032 conditions.0: locked is of type boolean and takes no ?=. | It takes = !=.",
  ],
  [
    "Host",
    { conditions: ["tags>=a"] },
    "SYS.1032 conditions.0: tags is a list of type text and takes no >=. | It takes = != ~= !~= ?= !?=.",
  ],
  [
    "VmInstance",
    { conditions: ["cpuNum=four"] },
    'SYS.1033 conditions.0: cpuNum can\'t be "four". | Give a number such as 4.',
  ],
  [
    "VmInstance",
    { conditions: ["memorySize>1GiB"] },
    'SYS.1033 conditions.0: memorySize can\'t be "1GiB". | Give bytes, or a whole number with K, M, G, T or P such as 1G.',
  ],
  [
    "VmInstance",
    { conditions: ["createDate>yesterday"] },
    'SYS.1033 conditions.0: createDate can\'t be "yesterday". | Give milliseconds since the epoch, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z.',
  ],
  [
    "VmInstance",
    { conditions: ["createDate>2026-02-30"] },
    'SYS.1033 conditions.0: createDate can\'t be "2026-02-30". | Give milliseconds since the epoch, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z.',
  ],
  [
    "VmInstance",
    { conditions: ["locked=yes"] },
    'SYS.1033 conditions.0: locked can\'t be "yes". | It is true or false.',
  ],
  [
    "VmInstance",
    { conditions: ["state=running"] },
    'SYS.1033 conditions.0: state can\'t be "running". | Did you mean Running?',
  ],
  [
    "Host",
    { conditions: ["status=Lost"] },
    'SYS.1033 conditions.0: status can\'t be "Lost". | It is Connecting, Connected or Disconnected.',
  ],
  ["L3Network", { conditions: ["ipVersion=5"] }, 'SYS.1033 conditions.0: ipVersion can\'t be "5". | It is 4 or 6.'],
  [
    "VmInstance",
    { conditions: ["name=null"] },
    "SYS.1033 conditions.0: name is never null. | For the text itself write name?=null.",
  ],
  ["VmInstance", { conditions: ["uuid?="] }, 'SYS.1033 conditions.0: uuid can\'t be "". | Give a text.'],
  [
    "VmInstance",
    { conditions: many(33, "cpuNum=1") },
    "SYS.1034 conditions: The query has 33 conditions. | Give 32 conditions at the most; a list (uuid?=…) is one.",
  ],
  [
    "VmInstance",
    { conditions: [`uuid?=${many(1001, "a").join(",")}`] },
    "SYS.1034 conditions.0: The list has 1001 values. | Give 1000 values at the most.",
  ],
  [
    "VmInstance",
    { conditions: [`name~=${"%a".repeat(128)}`] },
    "SYS.1034 conditions.0: The pattern has 256 characters. | Give 255 characters at the most.",
  ],
  [
    "VmInstance",
    { conditions: [`name=${"a".repeat(70_000)}`] },
    "SYS.1034 conditions.0: It has 70005 characters. | Give 65536 characters at the most.",
  ],
  [
    "VmInstance",
    { conditions: ["host.cluster.zone.cluster.host.name=a"] },
    "SYS.1034 conditions.0: The path has 5 steps to related resources. | Go 4 steps at the most, or query a resource that is nearer.",
  ],
  [
    "Host",
    { limit: 1001 },
    "SYS.1035 limit: A page can't have 1001 records. | Give 1 to 1000; without a limit it has 100.",
  ],
  ["Host", { limit: 0 }, "SYS.1035 limit: A page can't have 0 records. | Give 1 to 1000; without a limit it has 100."],
  ["Host", { start: -1 }, "SYS.1035 start: A page can't begin at -1. | Give 0 for the first record, or more."],
  ["Host", { fields: [] }, "SYS.1035 fields: No field is wanted. | Name fields, or leave them out for all."],
  ["Host", { fields: ["uuid", "sate"] }, "SYS.1030 fields: Host has no field sate. | Did you mean state?"],
  [
    "Host",
    { fields: ["cluster.name"] },
    "SYS.1030 fields: Host has no field cluster.name. | Name a field of the resource itself; only conditions go to related ones.",
  ],
  ["Host", { sortBy: "-nam" }, "SYS.1030 sortBy: Host has no field nam. | Did you mean name?"],
  ["Host", { sortBy: "tags" }, "SYS.1032 sortBy: tags is a list: it has no order. | Sort by another field."],
];

test("what is wrong in a query is said with its place, its reason and what to do", () => {
  for (const [kind, request, expected] of errors) {
    let said = "nothing";
    try {
      parseQuery(kind, request);
    } catch (error) {
      assert.ok(error instanceof CloudError, String(error));
      const { code, where, details, remedy } = error.refusal;
      said = `${code} ${where}: ${details} | ${remedy}`;
    }
    assert.equal(said, expected);
  }
});

test("every field that holds a uuid has its relation or a reason for none, and its kind is there", () => {
  const known = [...links.map(({ from, field }) => `${from}.${field}`), ...Object.keys(unlinked)];
  const ids = uuidFields();
  assert.deepEqual(known.toSorted(), ids.toSorted());
  // A field such as hostUuid names the kind Host: the table must not say another.
  for (const { from, field, to } of links) {
    const named = resourceKinds.find((kind) => field.replace(/Uuids?$/, "").toLowerCase() === kind.toLowerCase());
    if (named !== undefined) assert.equal(to, named, `${from}.${field}`);
  }
});

test("no relation has the name of a field or of another relation of its kind", () => {
  for (const kind of resourceKinds) {
    const names = links.flatMap(({ from, to, forth, back }) => [
      ...(from === kind ? [forth] : []),
      ...(to === kind ? [back] : []),
    ]);
    assert.equal(names.length, relationsOf(kind).size, kind);
    const both = [...queryFields(kind), ...queryRelations(kind)].map(({ name }) => name);
    assert.equal(new Set(both).size, both.length, kind);
  }
});

test("what can be queried is told with types, operators and sentences", () => {
  const fields = queryFields("VmInstance");
  const told = (name: string) => fields.find((field) => field.name === name);
  assert.deepEqual(told("memorySize"), {
    name: "memorySize",
    type: "size",
    operators: ["=", "!=", ">", "<", ">=", "<=", "?=", "!?="],
    description: "Bytes of memory, a multiple of 1024.",
  });
  assert.deepEqual(told("hostUuid")?.operators, ["=", "!=", "~=", "!~=", "?=", "!?=", "=null", "!=null"]);
  assert.deepEqual(
    [told("tags")?.type, told("bootOrder")?.type, told("createDate")?.type],
    ["text[]", "choice[]", "time"],
  );
  for (const kind of resourceKinds)
    for (const { name, description, type } of queryFields(kind)) {
      assert.match(description, /\.$/, `${kind}.${name}`);
      // Whatever is described as bytes may be written as a size, but for the length of a packet.
      if (/^Bytes /.test(description)) assert.equal(type, "size", `${kind}.${name}`);
      if (/milliseconds since the epoch/.test(description)) assert.equal(type, "time", `${kind}.${name}`);
    }
  assert.deepEqual(
    queryRelations("VmNic").map(({ name, kind }) => `${name}: ${kind}`),
    ["vmInstance: VmInstance", "l3Network: L3Network", "securityGroup: SecurityGroup"],
  );
});

test("a pattern matches what SQL's LIKE matches", () => {
  const random = new Random(11);
  // Few letters show what overlaps, many show what has to be taken as it is.
  const alphabets = [
    { texts: ["a", "b"], parts: ["a", "b", "%", "%", "_"] },
    {
      texts: ["a", "b", "A", "%", "_", "\\", ".", "é", "\u{1f600}", "ab"],
      parts: ["a", "b", "%", "%", "_", "\\%", "\\_", "\\\\", ".", "É", "\u{1f600}"],
    },
  ];
  let matched = 0;
  for (let i = 0; i < 30_000; i++) {
    const { texts, parts } = random.pick(alphabets);
    const text = Array.from({ length: random.below(7) }, () => random.pick(texts)).join("");
    const pattern = Array.from({ length: random.below(6) }, () => random.pick(parts)).join("");
    const isMatch = compileLike(pattern)(text);
    assert.equal(isMatch, regexOf(pattern).test(text), JSON.stringify({ text, pattern }));
    if (isMatch) matched++;
  }
  assert.ok(matched > 500, `${matched} matched`);
});
