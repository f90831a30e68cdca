import { statusOf } from "../../core/manager/failure.ts";
import type { JsonSchema } from "../../core/model/cloud/calls/answer-schemas.ts";
import type { CloudCall } from "../../core/model/cloud/calls/call.ts";
import { exampleInput } from "../../core/model/cloud/calls/example.ts";
import { cloudCalls } from "../../core/model/cloud/calls/index.ts";
import {
  errorsByStatus,
  inputSchema,
  pathFields,
  tagDescription,
  tagOf,
} from "../../core/model/cloud/calls/openapi.ts";
import { cloudErrors } from "../../core/model/cloud/error-codes.ts";
import { resources } from "../../core/model/cloud/resources.ts";
import type { StateMachine } from "../../core/model/cloud/state-machine.ts";
import { vmTables } from "./api-page-vm.ts";
import { heading, table } from "./markdown.ts";

/* The page of the API's documentation, made of the same tables as the server. */

export const apiPageFile = "core/model/cloud/calls/API.md";

const manager = "https://MANAGER:8080";

export function apiPage(): string {
  const calls: [string, CloudCall][] = Object.entries(cloudCalls);
  const byTag = [...Map.groupBy(calls, ([, call]) => tagOf(call))];
  return [
    "<!-- Made by npm run docs:api. Change the tables that it is made of, not this page. -->",
    introduction(byTag.map(([tag]) => tag)),
    "## Calls",
    ...byTag.flatMap(([tag, some]) => [
      heading(3, tag),
      tagDescription(tag),
      ...some.map(([name, call]) => callText(name, call)),
    ]),
    "## States",
    "What is not in a table is refused. An event that an administrator sends is the `stateEvent` of a call.",
    ...Object.values(resources).flatMap(({ machines }) => machines.map(stateText)),
    vmTables(),
    "## Errors",
    "A code keeps its meaning over all versions. The HTTP status only tells the kind of an error.",
    ...errorTables(),
    "",
  ].join("\n\n");
}

function introduction(tags: readonly string[]): string {
  return `# The API of the cloud

HTTPS with JSON, on port 8080 of a management node. \`GET /v1/openapi.json\` gives the same as a document of OpenAPI 3.1.

Contents: [Calls](#calls) (${tags.map((tag) => `[${tag}](#${tag.toLowerCase()})`).join(", ")}), [States](#states),
[Errors](#errors).

**Session.** \`LogInByAccount\` answers with a token, which each further call carries:

\`\`\`sh
curl -X PUT ${manager}/v1/accounts/login -H 'content-type: application/json' \\
  -d '{"accountName":"admin","password":"the password"}'
curl ${manager}/v1/zones -H "authorization: Bearer $TOKEN"
\`\`\`

**Arguments** are in the path, and for GET and DELETE in the query string (a list is repeated: \`q=…&q=…\`), otherwise in
a body of JSON. An unknown one is an error, and all that is wrong is told at once.

**Answers.** A change is durable when it is answered with 200 and the resource as \`inventory\`. A call that takes long is
answered with 202 and its \`task\` at once; \`GetTask\` tells how far it is, \`CancelTask\` takes it back.

**Repeating a call.** With a header \`Idempotency-Key\`, a text of your own for each thing you want, a call that is made
again because its answer was lost is done only once.

**Errors** are \`{"error": {"code", "description", "details", "where", "remedy", "values", "cause"}}\`: compare the code,
show the rest.`;
}

function callText(name: string, call: CloudCall): string {
  const { fields, required } = inputSchema(call);
  const rows = Object.entries(fields).map(([field, { description = "", ...schema }]) => [
    `\`${field}\``,
    typeText(schema),
    presence(schema, required.includes(field)),
    description,
  ]);
  const rights = call.access === "public" ? " Needs no session." : "";
  return [
    heading(4, name),
    `\`${call.method} ${call.path}\`${call.mode === "task" ? " (a task)" : ""}`,
    `${call.summary}${rights}`,
    ...(rows.length === 0 ? [] : [table(["argument", "type", "", ""], rows)]),
    `\`\`\`sh\n${exampleText(name, call)}\n\`\`\``,
  ].join("\n\n");
}

function presence(schema: JsonSchema, isRequired: boolean): string {
  if (isRequired) return "required";
  return schema.default === undefined ? "" : `preset: \`${JSON.stringify(schema.default)}\``;
}

/** What a value may be: `text, 1 to 255 characters`. */
function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((each) => `\`${JSON.stringify(each)}\``).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map((each) => typeText(each)).join(", or ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ ...schema, type })).join(", or ");
  switch (schema.type) {
    case "string":
      return ["text", ...limits(schema.minLength, schema.maxLength, " characters"), ...formOf(schema)].join(", ");
    case "array": {
      const items = typeof schema.items === "object" && !Array.isArray(schema.items) ? typeText(schema.items) : "";
      return [`list of: ${items}`, ...limits(schema.minItems, schema.maxItems, " of them")].join("; ");
    }
    case "integer":
      return ["whole number", ...limits(schema.minimum, withoutSafeInteger(schema.maximum), "")].join(", ");
    case "boolean":
      return "`true` or `false`";
    default:
      return String(schema.type ?? "any");
  }
}

function formOf({ pattern }: JsonSchema): string[] {
  if (pattern === undefined) return [];
  return pattern.includes("[89ab]") ? ["a uuid"] : [`\`${pattern}\``];
}

/** The greatest number that JSON carries exactly is no limit that anybody reads. */
function withoutSafeInteger(maximum: number | undefined): number | undefined {
  return maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
}

function limits(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (least === undefined && most === undefined) return [];
  if (least === undefined) return [`${most}${unit} at most`];
  return [most === undefined ? `${least}${unit} at least` : `${least} to ${most}${unit}`];
}

function exampleText(name: string, call: CloudCall): string {
  const example = exampleInput(name, call);
  const inPath = pathFields(call.path);
  const path = inPath.reduce(
    (text, field) => text.replace(`:${field}`, encodeURIComponent(String(example[field]))),
    `${call.path}`,
  );
  const others = Object.entries(example).filter(([field]) => !inPath.includes(field));
  const hasBody = call.method === "POST" || call.method === "PUT";
  const pairs = others.flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [field, String(each)]),
  );
  const query = hasBody || pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
  const lines = [
    `curl${call.method === "GET" ? "" : ` -X ${call.method}`} '${manager}${path}${query}'`,
    ...(call.access === "public" ? [] : [`-H "authorization: Bearer $TOKEN"`]),
    ...(hasBody && others.length > 0
      ? ["-H 'content-type: application/json'", `-d '${JSON.stringify(Object.fromEntries(others))}'`]
      : []),
  ];
  return lines.join(" \\\n  ");
}

function stateText({ resource, attribute, initial, states, events, table: next }: StateMachine): string {
  const rows = Object.entries(states).map(([state, description]) => [
    state === initial ? `**${state}**` : state,
    description,
    Object.entries(next[state] ?? {})
      .map(([event, after]) => `${event} → ${after}`)
      .join("<br>"),
  ]);
  return [
    heading(3, `${resource}: ${attribute}`),
    `A new one is ${initial}.`,
    table([attribute, "", "what may follow"], rows),
    table(
      ["event", ""],
      Object.entries(events).map(([event, description]) => [event, description]),
    ),
  ].join("\n\n");
}

function errorTables(): string[] {
  return [...errorsByStatus(statusOf)].flatMap(([status, codes]) => [
    heading(3, `Status ${status}`),
    table(
      ["code", ""],
      codes.map((code) => [`\`${code}\``, `${cloudErrors[code]}.`]),
    ),
  ]);
}
