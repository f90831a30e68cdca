import { type ResourceKind, resources } from "./resources.ts";

/* Parents own children: deleting a parent deletes them, inside one flow. Source: ../shared/spec/cloud.md, "Resources". */

const kinds = Object.keys(resources) as ResourceKind[];

/** Which kinds a kind owns, and by which of their fields. */
export function ownedBy(kind: ResourceKind): { kind: ResourceKind; field: string }[] {
  return kinds.flatMap((child) =>
    Object.entries(resources[child].owners)
      .filter(([, owner]) => owner === kind)
      .map(([field]) => ({ kind: child, field })),
  );
}

/** Everything that may have to go with a resource of a kind, itself last: what is owned goes before its owner. */
export function deletionOrder(kind: ResourceKind): ResourceKind[] {
  const ordered = new Set<ResourceKind>();
  const visit = (each: ResourceKind) => {
    if (ordered.has(each)) return;
    for (const child of ownedBy(each)) visit(child.kind);
    ordered.add(each);
  };
  visit(kind);
  return [...ordered];
}
