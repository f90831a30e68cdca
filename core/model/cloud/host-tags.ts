import { type Refusal, refusalOf } from "./refusal.ts";

/*
 * What a machine asks of the tags of hosts. Its own tags say it, which it has from its offering, too:
 * `requiredHostTag::gpu`: only hosts with the tag gpu; `preferredHostTag::disk::ssd`: such hosts first. A host has the
 * tags of its cluster and its zone besides its own; of those with one name (`disk::…`) only the nearest count.
 */

const prefixes = { required: "requiredHostTag", preferred: "preferredHostTag" } as const;
type Wish = keyof typeof prefixes;
const separator = "::";

function wished(tags: readonly string[], wish: Wish): string[] {
  const prefix = `${prefixes[wish]}${separator}`;
  return tags.flatMap((tag) => (tag.startsWith(prefix) ? [tag.slice(prefix.length)] : []));
}

/** Tags that a host must have. */
export function requiredHostTags(tags: readonly string[]): string[] {
  return wished(tags, "required");
}

/** Tags that a host had better have. */
export function preferredHostTags(tags: readonly string[]): string[] {
  return wished(tags, "preferred");
}

/** Those of an offering's tags that its machines get. */
export function hostTagWishes(tags: readonly string[] | undefined): string[] {
  const all = Object.values(prefixes);
  return (tags ?? []).filter((tag) => all.some((prefix) => tag.startsWith(`${prefix}${separator}`)));
}

/** A wish that is mistyped would count as none. Code: SYS.1001. */
export function hostTagRefusal(tags: readonly string[] | undefined): Refusal | undefined {
  const all = Object.values(prefixes);
  const wrong = (tags ?? []).find((tag) =>
    all.some((prefix) => (tag === prefix || tag.startsWith(`${prefix}:`)) && !tag.startsWith(`${prefix}${separator}`)),
  );
  if (wrong === undefined) return;
  const details = `${wrong.slice(0, 64)} names no tag of hosts.`;
  return refusalOf("SYS.1001", { where: "tags", details, remedy: "Give one such as requiredHostTag::gpu." });
}

/** `disk` of `disk::ssd`; undefined for a tag that is only a word. */
function nameOf(tag: string): string | undefined {
  const at = tag.lastIndexOf(separator);
  return at < 0 ? undefined : tag.slice(0, at);
}

/** All tags that count for a host. */
export function effectiveTags(levels: {
  host: readonly string[];
  cluster: readonly string[];
  zone: readonly string[];
}): Set<string> {
  const all = new Set<string>();
  const taken = new Set<string>();
  for (const level of [levels.host, levels.cluster, levels.zone]) {
    for (const tag of level) {
      const name = nameOf(tag);
      if (name === undefined || !taken.has(name)) all.add(tag);
    }
    for (const name of level.map(nameOf)) if (name !== undefined) taken.add(name);
  }
  return all;
}
