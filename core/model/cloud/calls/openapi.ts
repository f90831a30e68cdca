import * as z from "zod/mini";
import { type CloudErrorCode, cloudErrors } from "../error-codes.ts";
import { type ResourceKind, resources } from "../resources.ts";
import { answerSchemas, type JsonSchema } from "./answer-schemas.ts";
import type { CloudCall } from "./call.ts";
import { exampleInput } from "./example.ts";
import { cloudCalls, secretFields } from "./index.ts";

/*
 * The table of calls as a document of OpenAPI 3.1, which programs read to make clients. What a JSON schema can't say
 * (a name without control characters, a netmask that fits its prefix) stays with the server, which refuses it.
 */

export type OpenApiOptions = {
  /** The product's. */
  version: string;
  /** The HTTP status of an error. */
  statusOf: (code: string) => number;
  /** The calls that are described; all unless told. */
  calls?: Readonly<Record<string, CloudCall>>;
};

type Parameter = {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description: string;
  schema: JsonSchema;
  style?: "form";
  explode?: boolean;
};
type Reference = { $ref: string };
type Content = { "application/json": { schema: JsonSchema; example?: object } };
type Answer = { description: string; content: Content };

export type Operation = {
  operationId: string;
  summary: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters: (Parameter | Reference)[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Answer | Reference>;
};

export type OpenApiDocument = {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<string, Operation>>>;
  components: {
    schemas: Record<string, JsonSchema>;
    responses: Record<string, Answer>;
    parameters: Record<string, Parameter>;
    securitySchemes: Record<string, { type: string; scheme: string; description: string }>;
  };
};

const managementTag = "Management";

/** What a call is listed under: the kind of its resource, or `Management` for calls about the manager itself. */
export function tagOf({ path, resource }: CloudCall): ResourceKind | typeof managementTag {
  return path.startsWith("/v1/management/") ? managementTag : resource;
}

/** The fields of a call that are in its path. */
export function pathFields(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].flatMap(([, field]) => (field === undefined ? [] : [field]));
}

export type InputSchema = { fields: Readonly<Record<string, JsonSchema>>; required: readonly string[] };

/** The JSON schemas of what a call is given, by field, each with its description. */
export function inputSchema(call: CloudCall): InputSchema {
  const { properties = {}, required = [] } = z.toJSONSchema(call.input, { io: "input" });
  const fields: Record<string, JsonSchema> = {};
  for (const [field, property] of Object.entries(properties))
    if (typeof property === "object") fields[field] = secretFields.has(field) ? secretField(property) : property;
  return { fields, required };
}

function secretField(property: JsonSchema): JsonSchema {
  return { ...property, format: "password", writeOnly: true };
}

export function openApiDocument({ version, statusOf, calls = cloudCalls }: OpenApiOptions): OpenApiDocument {
  const { components, answerOf } = answerSchemas(calls);
  const errors = errorsByStatus(statusOf);
  const paths: OpenApiDocument["paths"] = {};
  for (const [name, call] of Object.entries(calls)) {
    const path = call.path.replaceAll(/:(\w+)/g, "{$1}");
    const operation = operationOf(name, call, answerOf(call), [...errors.keys()]);
    paths[path] = { ...paths[path], [call.method.toLowerCase()]: operation };
  }
  const tags = [...new Set(Object.values(calls).map(tagOf))];
  return {
    openapi: "3.1.0",
    info: {
      title: "Binnacle",
      version,
      description:
        "The API of the cloud. A call that takes long is answered with 202 and a task; GetTask tells how far it is.",
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: tags.map((tag) => ({ name: tag, description: tagDescription(tag) })),
    paths,
    components: {
      schemas: components,
      responses: Object.fromEntries([...errors].map(([status, codes]) => [`Error${status}`, errorAnswer(codes)])),
      parameters: { IdempotencyKey: idempotencyKey },
      securitySchemes: {
        session: { type: "http", scheme: "bearer", description: "The token that LogInByAccount has answered with." },
      },
    },
  };
}

export function tagDescription(tag: ReturnType<typeof tagOf>): string {
  return tag === managementTag ? "The manager itself." : resources[tag].description;
}

const idempotencyKey: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "A text of your own, new for each thing you want: the same call with the same key is done only once.",
  schema: { type: "string", minLength: 1, maxLength: 128, pattern: "^[\\x21-\\x7e]+$" },
};

function operationOf(name: string, call: CloudCall, answer: JsonSchema, errorStatuses: readonly number[]): Operation {
  const input = inputSchema(call);
  const inPath = new Set(pathFields(call.path));
  const others = Object.keys(input.fields).filter((field) => !inPath.has(field));
  const hasBody = call.method === "POST" || call.method === "PUT";
  const parameterOf = (field: string, where: "path" | "query"): Parameter => {
    const { description = "", ...schema } = input.fields[field] ?? {};
    const isList = schema.type === "array";
    return {
      name: field,
      in: where,
      required: where === "path" || input.required.includes(field),
      description,
      schema,
      ...(isList ? { style: "form", explode: true } : {}),
    };
  };
  const mayRepeat = call.mode !== "read" && call.access === "session";
  return {
    operationId: name,
    summary: call.summary,
    tags: [tagOf(call)],
    security: call.access === "public" ? [] : [{ session: [] }],
    parameters: [
      ...[...inPath].map((field) => parameterOf(field, "path")),
      ...(hasBody ? [] : others.map((field) => parameterOf(field, "query"))),
      ...(mayRepeat ? [{ $ref: "#/components/parameters/IdempotencyKey" }] : []),
    ],
    ...(hasBody && others.length > 0 ? { requestBody: bodyOf(name, call, input, others) } : {}),
    responses: {
      [call.mode === "task" ? "202" : "200"]: {
        description: call.mode === "task" ? "The work has begun: its task." : "Done.",
        content: { "application/json": { schema: answer } },
      },
      ...Object.fromEntries(errorStatuses.map((status) => [status, { $ref: `#/components/responses/Error${status}` }])),
    },
  };
}

/** The body of a call: what is not in its path. */
function bodyOf(name: string, call: CloudCall, input: InputSchema, fields: readonly string[]) {
  const pick = <T>(from: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(from).filter(([field]) => fields.includes(field)));
  const required = input.required.filter((field) => fields.includes(field));
  const schema: JsonSchema = {
    type: "object",
    properties: pick(input.fields),
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
  };
  const example = pick(exampleInput(name, call));
  return { required: required.length > 0, content: { "application/json": { schema, example } } };
}

/** Every error by its HTTP status, the lowest first. */
export function errorsByStatus(statusOf: OpenApiOptions["statusOf"]): Map<number, CloudErrorCode[]> {
  const codes = Object.keys(cloudErrors) as CloudErrorCode[];
  return new Map([...Map.groupBy(codes, statusOf)].sort(([a], [b]) => a - b));
}

function errorAnswer(codes: readonly CloudErrorCode[]): Answer {
  return {
    description: codes.map((code) => `${code}: ${cloudErrors[code]}.`).join("\n"),
    content: { "application/json": { schema: { $ref: "#/components/schemas/ErrorBody" } } },
  };
}
