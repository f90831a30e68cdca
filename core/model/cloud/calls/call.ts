import * as z from "zod/mini";
import { listed } from "../../quote.ts";
import { say, uuid } from "../fields.ts";
import { task } from "../operations.ts";
import { type ResourceKind, resources } from "../resources.ts";

/*
 * The calls of the cloud's API as data: server, documentation, command line and tests are made of the same table.
 * Names and arguments are those of the reference where it has them. Source: ../shared/spec/management.md.
 */

/**
 * - `read`: changes nothing;
 * - `change`: done, and durable, when it is answered;
 * - `task`: answered with 202 and a task at once; the work goes on, and is finished or taken back, whatever happens.
 */
export type CallMode = "read" | "change" | "task";
/** `session`: somebody who has logged in. `public`: anybody. */
export type CallAccess = "public" | "session";

export type CloudCall<
  Input extends z.ZodMiniObject = z.ZodMiniObject,
  Output extends z.ZodMiniType = z.ZodMiniType,
  Mode extends CallMode = CallMode,
> = {
  /** One sentence. */
  summary: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** `:uuid` in it is the field of that name of the input. */
  path: `/v1/${string}`;
  access: CallAccess;
  mode: Mode;
  /** Everything that the call is given, from path, query and body alike. Unknown fields are an error. */
  input: Input;
  output: Output;
  /** What it is about. */
  resource: ResourceKind;
};

const plurals = {
  Zone: "zones",
  Cluster: "clusters",
  Host: "hosts",
  PrimaryStorage: "primary-storage",
  BackupStorage: "backup-storage",
  Image: "images",
  InstanceOffering: "instance-offerings",
  DiskOffering: "disk-offerings",
  VmInstance: "vm-instances",
  Volume: "volumes",
  VolumeSnapshot: "volume-snapshots",
  L2Network: "l2-networks",
  L3Network: "l3-networks",
  IpRange: "ip-ranges",
  VmNic: "vm-nics",
  SecurityGroup: "security-groups",
  SecurityGroupRule: "security-group-rules",
  AffinityGroup: "affinity-groups",
  GlobalConfig: "global-configurations",
  Task: "tasks",
  AuditRecord: "audit-records",
  Alarm: "alarms",
  User: "users",
  Session: "sessions",
} as const satisfies Record<ResourceKind, string>;

/** Where the resources of a kind are found: `/v1/zones`. */
export function pathOf<K extends ResourceKind>(kind: K): `/v1/${(typeof plurals)[K]}` {
  return `/v1/${plurals[kind]}`;
}

export const noFields = z.strictObject({});
export const onlyUuid = { uuid: say(uuid, "The one that is meant; queries show it.") };

/** A field that may be left out, and what holds then. */
export function preset<T extends z.ZodMiniType>(schema: T, value: z.output<T>) {
  return z._default(schema, value as never);
}

/** `name` and `description` of a new resource, as that kind has them. */
export function named(kind: ResourceKind) {
  const { name, description } = resources[kind].schema.shape as NamedShape;
  return { name, description: preset(description, null) };
}

/** Of a change: what is left out stays. */
export function renamed(kind: ResourceKind) {
  const { name, description } = resources[kind].schema.shape as NamedShape;
  return { ...onlyUuid, name: z.optional(name), description: z.optional(description) };
}

type NamedShape = (typeof resources)["Zone"]["schema"]["shape"];

export function inventoryOf<K extends ResourceKind>(kind: K) {
  return z.strictObject({ inventory: resources[kind].schema as (typeof resources)[K]["schema"] });
}

export const done = z.strictObject({});
const taskAnswer = z.strictObject({ task });

type Fields = Record<string, z.ZodMiniType>;

/** A new resource, made when it is answered. */
export function creation<K extends ResourceKind, F extends Fields>(resource: K, summary: string, fields: F) {
  return {
    summary,
    method: "POST",
    path: pathOf(resource),
    access: "session",
    mode: "change",
    input: z.strictObject(fields),
    output: inventoryOf(resource),
    resource,
  } as const satisfies CloudCall;
}

/** Other values of a resource. */
export function update<K extends ResourceKind, F extends Fields>(resource: K, summary: string, fields: F) {
  return {
    summary,
    method: "PUT",
    path: `${pathOf(resource)}/:uuid`,
    access: "session",
    mode: "change",
    input: z.strictObject(fields),
    output: inventoryOf(resource),
    resource,
  } as const satisfies CloudCall;
}

/** Something that is done with one resource, named by the path's last part. */
export function action<K extends ResourceKind, F extends Fields>(
  resource: K,
  verb: string,
  summary: string,
  fields: F,
) {
  return {
    summary,
    method: "POST",
    path: `${pathOf(resource)}/:uuid/${verb}`,
    access: "session",
    mode: "change",
    input: z.strictObject({ ...onlyUuid, ...fields }),
    output: inventoryOf(resource),
    resource,
  } as const satisfies CloudCall;
}

/** The events that an administrator may send to a resource's state. */
export function stateChange<K extends ResourceKind, const E extends readonly [string, ...string[]]>(
  resource: K,
  summary: string,
  events: E,
) {
  const stateEvent = say(
    z.enum(events as unknown as Record<string, E[number]>),
    `What is wanted: ${listed(events, events.length).replace(" and ", " or ")}.`,
  );
  return action(resource, "state", summary, { stateEvent });
}

/** The administrator's switch of a resource, on or off. */
export function onOff<K extends ResourceKind>(resource: K, summary: string) {
  return stateChange(resource, summary, ["enable", "disable"]);
}

/** Gives a resource of a zone to one of its clusters, or takes it away. */
export function ofCluster<K extends ResourceKind>(resource: K, verb: "attach" | "detach", summary: string) {
  return action(resource, verb, summary, {
    clusterUuid: say(uuid, verb === "attach" ? "The cluster that gets it." : "The cluster that loses it."),
  });
}

/** A deletion that is done when it is answered. */
export function deletion<K extends ResourceKind>(resource: K, summary: string) {
  return {
    summary,
    method: "DELETE",
    path: `${pathOf(resource)}/:uuid`,
    access: "session",
    mode: "change",
    input: z.strictObject(onlyUuid),
    output: done,
    resource,
  } as const satisfies CloudCall;
}

export const deleteModes = ["Permissive", "Enforcing"] as const;
const deleteMode = preset(
  say(z.enum(deleteModes), "Permissive: taken back when a part can't be deleted; Enforcing: goes on nevertheless."),
  "Permissive",
);

/** A deletion with everything below it, which takes its time. */
export function cascade<K extends ResourceKind>(resource: K, summary: string) {
  return {
    ...deletion(resource, summary),
    mode: "task",
    input: z.strictObject({ ...onlyUuid, deleteMode }),
    output: taskAnswer,
  } as const satisfies CloudCall;
}

/** The same call as work that goes on after the answer. */
export function asTask<C extends CloudCall>(call: C): TaskCall<C> {
  return { ...call, mode: "task", output: taskAnswer };
}

type TaskCall<C extends CloudCall> = Omit<C, "mode" | "output"> & { mode: "task"; output: typeof taskAnswer };
/** `name`, or that of a related resource: `vmNics.ip`. */
const fieldPath = z.string().check(z.maxLength(64), z.regex(/^[A-Za-z][\w.]*$/));

/** Conditions, pages and order of a query: what is in a URL's query string, and on a command line. */
const queryInput = z.strictObject({
  q: preset(
    say(
      z.array(z.string().check(z.minLength(1), z.maxLength(1024))).check(z.maxLength(32)),
      "Conditions, all of which must hold: name~=web%, hostUuid=…, vmNics.ip=10.0.0.5.",
    ),
    [],
  ),
  limit: preset(say(z.int().check(z.minimum(1), z.maximum(1000)), "Resources of one answer."), 100),
  start: preset(say(z.int().check(z.minimum(0)), "How many to leave out at the beginning."), 0),
  sortBy: z.optional(say(z.string().check(z.maxLength(64)), "A field; with - before it the greatest first.")),
  fields: z.optional(say(z.array(fieldPath).check(z.minLength(1), z.maxLength(64)), "Only these fields.")),
  count: preset(say(z.boolean(), "Only how many there are."), false),
  replyWithCount: preset(say(z.boolean(), "How many there are, besides those of this page."), false),
});

const queryOutput = z.strictObject({
  inventories: z.array(z.looseObject({})),
  total: z.optional(z.int()),
});

export function query<K extends ResourceKind>(resource: K) {
  return {
    summary: `Lists resources of the kind ${resource}.`,
    method: "GET",
    path: pathOf(resource),
    access: "session",
    mode: "read",
    input: queryInput,
    output: queryOutput,
    resource,
  } as const satisfies CloudCall;
}

/** One resource by its uuid. */
export function get<K extends ResourceKind>(resource: K) {
  return {
    summary: `Gives one resource of the kind ${resource}.`,
    method: "GET",
    path: `${pathOf(resource)}/:uuid`,
    access: "session",
    mode: "read",
    input: z.strictObject(onlyUuid),
    output: inventoryOf(resource),
    resource,
  } as const satisfies CloudCall;
}
