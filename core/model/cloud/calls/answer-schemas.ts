import * as z from "zod/mini";
import { anyJson } from "../fields.ts";
import { cloudErrorBody, cloudErrorContent } from "../refusal.ts";
import { type ResourceKind, resources } from "../resources.ts";
import type { CloudCall } from "./call.ts";

export type JsonSchema = z.core.JSONSchema.JSONSchema;

const components = "#/components/schemas/";

/** The JSON schemas of all resources and errors, once each, and of the calls' answers, which refer to them. */
export function answerSchemas(calls: Readonly<Record<string, CloudCall>>): {
  components: Record<string, JsonSchema>;
  answerOf: (call: CloudCall) => JsonSchema;
} {
  const registry = z.registry<{ id: string }>();
  for (const [kind, { schema }] of Object.entries(resources)) registry.add(schema, { id: kind });
  registry.add(cloudErrorBody, { id: "ErrorBody" });
  registry.add(cloudErrorContent, { id: "Error" });
  registry.add(anyJson, { id: "Json" });
  // Several calls have one output: it is known by the first of them.
  const ids = new Map<z.ZodMiniType, string>();
  for (const [name, { output }] of Object.entries(calls)) if (!ids.has(output)) ids.set(output, `Of${name}`);
  for (const [output, id] of ids) registry.add(output, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `${components}${id}` });
  const schemaOf = (id: string | undefined): JsonSchema => {
    const { $schema: _, $id: __, ...schema } = schemas[id ?? ""] ?? {};
    return schema;
  };

  const known: Record<string, JsonSchema> = {
    ErrorBody: schemaOf("ErrorBody"),
    Error: schemaOf("Error"),
    Json: schemaOf("Json"),
  };
  for (const [kind, { description }] of Object.entries(resources)) known[kind] = { ...schemaOf(kind), description };
  for (const { output, resource } of Object.values(calls))
    if (isQueryAnswer(schemaOf(ids.get(output)))) known[`${resource}Part`] ??= partOf(resource, schemaOf(resource));
  const answerOf = ({ output, resource }: CloudCall): JsonSchema => {
    const schema = schemaOf(ids.get(output));
    if (!isQueryAnswer(schema)) return schema;
    const inventories: JsonSchema = { type: "array", items: { $ref: `${components}${resource}Part` } };
    return { ...schema, properties: { ...schema.properties, inventories } };
  };
  return { components: known, answerOf };
}

function isQueryAnswer(schema: JsonSchema): boolean {
  return schema.properties?.["inventories"] !== undefined;
}

/** A query gives whole resources, or those of their fields that it was asked for. */
function partOf(kind: ResourceKind, { required: _, additionalProperties: __, ...schema }: JsonSchema): JsonSchema {
  return { ...schema, description: `A resource of the kind ${kind}, or the fields of it that were asked for.` };
}
