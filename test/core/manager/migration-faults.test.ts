import { test } from "node:test";
import { campaign } from "./migration/campaign.ts";

const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);

test("whatever dies during a migration, the machine runs once, or its record says that it does not", async (t) => {
  await campaign(t, seeds);
});

test("the same with volumes on the hosts' own disks, of which each is whole where the machine is, and nowhere else", async (t) => {
  await campaign(t, seeds, "local");
});
