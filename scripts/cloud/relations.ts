import { type ResourceKind, resources } from "../../core/model/cloud/resources.ts";
import { kindOfField } from "./fields.ts";

/* Where the fields of a query may lead: `host.managementIp` of a machine, `vmNics.ip` of a machine. */

/** Ways back whose names are not the kind's own; the reference's words. */
const namesBack: Readonly<Record<string, string>> = {
  "VmNic.vmInstanceUuid": "vmNics",
  "Volume.vmInstanceUuid": "allVolumes",
  "VolumeSnapshot.volumeUuid": "snapshot",
  "IpRange.l3NetworkUuid": "ipRanges",
};

/** Kinds that a kind leads to, by the name of the way. */
export function relationsOf(kind: ResourceKind): ReadonlyMap<string, ResourceKind> {
  const forth = linksOf(kind).map(([field, to]): [string, ResourceKind] => [nameForth(field), to]);
  const back = kinds.flatMap((from) =>
    linksOf(from)
      .filter(([field, to]) => to === kind && isPlain(field, to))
      .map(([field]): [string, ResourceKind] => [namesBack[`${from}.${field}`] ?? lowerFirst(from), from]),
  );
  return new Map([...back, ...forth]);
}

/** The kind at the end of a path, and what is left of the path. */
export function wayOf(
  start: ResourceKind,
  path: string,
): { kind: ResourceKind | undefined; head: string; rest: string } {
  const steps = path.split(".");
  const rest = steps.pop() ?? "";
  const kind = steps.reduce<ResourceKind | undefined>(
    (at, step) => (at === undefined ? undefined : relationsOf(at).get(step)),
    start,
  );
  return { kind, head: steps.map((step) => `${step}.`).join(""), rest };
}

const kinds = Object.keys(resources).filter((kind): kind is ResourceKind => Object.hasOwn(resources, kind));

function linksOf(kind: ResourceKind): [string, ResourceKind][] {
  return Object.keys(resources[kind].schema.shape).flatMap((field): [string, ResourceKind][] => {
    const to = field === "uuid" ? undefined : kindOfField(field, kind);
    return to === undefined || field.startsWith("vmNicUuids") || field.startsWith("vmInstanceUuids")
      ? []
      : [[field, to]];
  });
}

function nameForth(field: string): string {
  return lowerFirst(field.replace(/Uuids?$/, "").replace(/^attached/, ""));
}

/** Not `lastHostUuid`, whose way back has a name of its own. */
function isPlain(field: string, to: ResourceKind): boolean {
  return nameForth(field) === lowerFirst(to);
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
