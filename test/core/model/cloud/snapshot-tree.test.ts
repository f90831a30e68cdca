import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterDeletion,
  afterTurnTo,
  nextPlace,
  sizeOfNext,
  type TreePatches,
  type TreeSnapshot,
} from "../../../../core/model/cloud/snapshot-tree.ts";
import { Random } from "../../../support/random.ts";

function patched(all: readonly TreeSnapshot[], patches: TreePatches): TreeSnapshot[] {
  return all.map((each) => ({ ...each, ...patches.get(each.uuid) }));
}

function taken(all: readonly TreeSnapshot[], uuid: string, size = 0): TreeSnapshot[] {
  const { parentUuid, treeUuid, depth } = nextPlace(all);
  const more = [...all, { uuid, parentUuid, treeUuid: treeUuid ?? uuid, depth, size, latest: false }];
  return patched(more, afterTurnTo(more, uuid));
}

const shape = (all: readonly TreeSnapshot[]) =>
  all
    .map(({ uuid, parentUuid, depth, latest }) => `${parentUuid ?? "-"}>${uuid}:${depth}${latest ? "*" : ""}`)
    .join(" ");

test("snapshots go on from the one before, a revert begins a branch, and what is deleted leaves no hole", () => {
  let all = ["a", "b", "c"].reduce<TreeSnapshot[]>((so, uuid) => taken(so, uuid), []);
  assert.equal(shape(all), "->a:1 a>b:2 b>c:3*");
  all = taken(patched(all, afterTurnTo(all, "a")), "d");
  assert.equal(shape(all), "->a:1 a>b:2 b>c:3 a>d:2*");
  const without = (uuid: string) => patched(all, afterDeletion(all, uuid, 0)).filter((each) => each.uuid !== uuid);
  assert.equal(shape(without("b")), "->a:1 a>c:2 a>d:2*");
  assert.equal(shape(without("d")), "->a:1* a>b:2 b>c:3");
  all = without("a");
  assert.equal(shape(all), "->b:1 b>c:2 ->d:1*", "a tree may have two beginnings then");
  all = without("d");
  assert.equal(shape(all), "->b:1 b>c:2");
  assert.deepEqual(nextPlace(all), { parentUuid: null, treeUuid: null, depth: 1 });
});

test("size and snapshots together are never less than what the file can become, however it is written, reverted and thinned", () => {
  const clusters = 24;
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    /** What the disk and each snapshot hold: by place the number of the write that a cluster comes from. */
    let disk: (number | undefined)[] = Array.from({ length: clusters });
    const kept = new Map<string, (number | undefined)[]>();
    let all: TreeSnapshot[] = [];
    let writes = 0;
    const held = (of: Iterable<readonly (number | undefined)[]>) =>
      new Set([...of].flat().filter((each) => each !== undefined)).size;
    const fileNow = () => held([disk, ...kept.values()]);
    for (let step = 0; step < 40; step++) {
      const what = random.below(10);
      if (what < 5) for (let n = random.below(clusters); n > 0; n--) disk[random.below(clusters)] = ++writes;
      else if (what < 7) {
        const uuid = `s${step}`;
        all = taken(all, uuid, sizeOfNext(all, fileNow()));
        kept.set(uuid, [...disk]);
      } else if (all.length > 0) {
        const { uuid } = random.pick(all);
        if (what < 8) {
          disk = [...(kept.get(uuid) ?? [])];
          all = patched(all, afterTurnTo(all, uuid));
        } else {
          const before = fileNow();
          kept.delete(uuid);
          all = patched(all, afterDeletion(all, uuid, before - fileNow())).filter((each) => each.uuid !== uuid);
        }
      }
      const charged = all.reduce((sum, { size }) => sum + size, 0);
      // All that snapshots hold may stay while the whole disk is written anew.
      assert.ok(charged >= held(kept.values()), `seed ${seed}, step ${step}: ${charged} < ${held(kept.values())}`);
    }
  }
});
