import { type ResourceKind, resources } from "../../../../core/model/cloud/resources.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { fieldsOf } from "../../../../core/orchestrator/query/fields.ts";
import { links } from "../../../../core/orchestrator/query/relations.ts";
import type { Json, JsonObject } from "../../../../core/store/record.ts";
import type { ListQuery, Page, Store, WatchBatch, WatchOptions } from "../../../../core/store/store.ts";
import type { Random } from "../../../support/random.ts";
import { samples, uuidOf } from "../../model/cloud/samples.ts";

export type Cloud = ReadonlyMap<ResourceKind, readonly JsonObject[]>;

/** The real mirror of records that nobody changes. */
export async function mirrorOf(cloud: Cloud): Promise<Mirror> {
  return Mirror.open(new FixedStore(cloud));
}

class FixedStore implements Store {
  readonly #cloud: ReadonlyMap<string, readonly JsonObject[]>;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  async list({ kind, limit = 1000, after = "0" }: ListQuery): Promise<Page> {
    const all = this.#cloud.get(kind) ?? [];
    const end = Number(after) + limit;
    const records = all.slice(Number(after), end).map((value) => ({
      kind,
      key: String(value["uuid"]),
      value,
      revision: 1,
    }));
    return { records, revision: 1, next: end < all.length ? String(end) : null };
  }

  async *watch({ signal }: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
  }

  get = unused;
  transact = unused;
  grantLease = unused;
  close = unused;
}

function unused(): never {
  throw new Error("The mirror only lists and watches.");
}

const kinds = Object.keys(resources).filter((kind) => kind !== "AuditRecord") as ResourceKind[];
const words = ["web-1", "Web-2", "db_1", "a%b", "", "ä.Ö", "web\u{1f600}", "null"];

/** Few different values, so that conditions meet; of each kind some records, each field of its schema's type. */
export function randomCloud(random: Random, most: number): Map<ResourceKind, JsonObject[]> {
  const uuids = new Map<string, string[]>(
    kinds.map((kind, i) => [kind, Array.from({ length: random.below(most + 1) }, (_, n) => uuidOf(i * 10_000 + n))]),
  );
  const targets = new Map<string, string>(links.map(({ from, field, to }) => [`${from}.${field}`, to]));
  const valueOf = (kind: ResourceKind, name: string): Json => {
    const field = fieldsOf(kind).get(name);
    if (field === undefined) throw new Error(`${kind} has no field ${name}.`);
    const pool = uuids.get(targets.get(`${kind}.${name}`) ?? kind) ?? [];
    const one = (): Json => {
      if (/.Uuids?$/.test(name)) return random.chance(90) && pool.length > 0 ? random.pick(pool) : uuidOf(999_999);
      if (field.type === "text") return random.pick(words);
      if (field.type === "boolean") return random.chance(50);
      if (field.choices.length > 0)
        return field.type === "number" ? Number(random.pick(field.choices)) : random.pick(field.choices);
      return random.below(5) * 1024;
    };
    if (field.isNullable && random.chance(25)) return null;
    return field.isList ? [...new Set(Array.from({ length: random.below(3) }, one))] : one();
  };
  return new Map(
    kinds.map((kind) => [
      kind,
      (uuids.get(kind) ?? []).map((uuid) => {
        const own = [...fieldsOf(kind).keys()].map((name) => [name, valueOf(kind, name)]);
        return { ...Object.fromEntries(own), uuid };
      }),
    ]),
  );
}

/** So many machines, each with a network card and a root volume, on hosts of a hundred machines each unless told. */
export function largeCloud(machines: number, perHost = 100): Cloud {
  const cloud = new Map<ResourceKind, JsonObject[]>();
  const add = (kind: ResourceKind, id: number, own: JsonObject) => {
    const record = { ...(samples[kind] as JsonObject), createDate: id * 7919, ...own, uuid: idOf(kind, id) };
    const records = cloud.get(kind);
    if (records === undefined) cloud.set(kind, [record]);
    else records.push(record);
  };
  add("Zone", 0, { name: "zone-0" });
  add("L3Network", 0, { name: "net-0" });
  add("PrimaryStorage", 0, { name: "storage-0", zoneUuid: idOf("Zone", 0) });
  const hosts = Math.ceil(machines / perHost);
  for (let i = 0; i < Math.ceil(hosts / 50); i++)
    add("Cluster", i, { name: `cluster-${i}`, zoneUuid: idOf("Zone", 0) });
  for (let i = 0; i < hosts; i++)
    add("Host", i, { name: `kvm-${i}`, clusterUuid: idOf("Cluster", Math.floor(i / 50)), managementIp: ipOf(i) });
  for (let i = 0; i < machines; i++) {
    const host = Math.floor(i / perHost);
    add("VmInstance", i, {
      name: `web-${(i * 7919) % machines}`,
      clusterUuid: idOf("Cluster", Math.floor(host / 50)),
      hostUuid: idOf("Host", host),
      rootVolumeUuid: idOf("Volume", i),
      vmNicUuids: [idOf("VmNic", i)],
    });
    const vmInstanceUuid = idOf("VmInstance", i);
    add("VmNic", i, { name: `nic-${i}`, vmInstanceUuid, l3NetworkUuid: idOf("L3Network", 0), ip: ipOf(i) });
    add("Volume", i, { name: `ROOT-${i}`, vmInstanceUuid, primaryStorageUuid: idOf("PrimaryStorage", 0) });
  }
  return cloud;
}

function idOf(kind: ResourceKind, id: number): string {
  return uuidOf(kinds.indexOf(kind) * 10_000_000 + id);
}

export function ipOf(id: number): string {
  return `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}`;
}
