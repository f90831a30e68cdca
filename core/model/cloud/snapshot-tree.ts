/*
 * The snapshots of a volume as trees: each goes on from the one before it; a revert begins another branch. Pure.
 * Source: ../shared/spec/cloud.md, "Resources".
 */

export type TreeSnapshot = {
  readonly uuid: string;
  readonly parentUuid: string | null;
  readonly treeUuid: string;
  readonly depth: number;
  readonly size: number;
  readonly latest: boolean;
};
type Patch = Partial<Pick<TreeSnapshot, "parentUuid" | "depth" | "size" | "latest">>;
/** What changes of other snapshots, by their uuid. */
export type TreePatches = ReadonlyMap<string, Patch>;

/** Where the next snapshot of a volume belongs; `treeUuid` null: it is the first of a tree. */
export function nextPlace(all: readonly TreeSnapshot[]): {
  parentUuid: string | null;
  treeUuid: string | null;
  depth: number;
} {
  const before = all.find(({ latest }) => latest);
  if (before === undefined) return { parentUuid: null, treeUuid: null, depth: 1 };
  return { parentUuid: before.uuid, treeUuid: before.treeUuid, depth: before.depth + 1 };
}

/** Makes one snapshot the one that the volume goes on from. */
export function afterTurnTo(all: readonly TreeSnapshot[], uuid: string): TreePatches {
  return new Map(
    all.flatMap((each): [string, Patch][] =>
      each.latest === (each.uuid === uuid) ? [] : [[each.uuid, { latest: each.uuid === uuid }]],
    ),
  );
}

/**
 * What a deleted snapshot leaves: those behind it move up, the volume goes on from the one before it. Of the bytes that
 * were kept for it, those that did not become free are kept for others now, and are charged to the next one.
 *
 * @param freedBytes by how much the volume's file has become smaller
 */
export function afterDeletion(all: readonly TreeSnapshot[], uuid: string, freedBytes: number): TreePatches {
  const gone = all.find((each) => each.uuid === uuid);
  const patches = new Map<string, Patch>();
  if (gone === undefined) return patches;
  const patch = (of: string, more: Patch) => patches.set(of, { ...patches.get(of), ...more });
  const moveUp = (parent: string) => {
    for (const each of all)
      if (each.parentUuid === parent) {
        patch(each.uuid, { depth: each.depth - 1 });
        moveUp(each.uuid);
      }
  };
  moveUp(uuid);
  const children = all.filter(({ parentUuid }) => parentUuid === uuid);
  for (const child of children) patch(child.uuid, { parentUuid: gone.parentUuid });
  if (gone.latest && gone.parentUuid !== null) patch(gone.parentUuid, { latest: true });
  const others = all.filter((each) => each.uuid !== uuid);
  const heir = children[0] ?? others.find((each) => each.uuid === gone.parentUuid) ?? others[0];
  const left = Math.max(0, gone.size - Math.max(0, freedBytes));
  if (heir !== undefined && left > 0) patch(heir.uuid, { size: heir.size + left });
  return patches;
}

/**
 * Bytes that a new snapshot has to be charged with: all that the volume's file holds now stays, whatever is written
 * next; what others keep already is charged to them.
 */
export function sizeOfNext(all: readonly TreeSnapshot[], fileBytes: number): number {
  return Math.max(0, fileBytes - all.reduce((sum, { size }) => sum + size, 0));
}
