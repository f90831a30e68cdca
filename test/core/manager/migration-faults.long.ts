import { test } from "node:test";
import { campaign } from "./migration/campaign.ts";

const seeds = Array.from({ length: 300 }, (_, seed) => seed + 1000);

test("whatever dies during 300 migrations, the machine runs once, or its record says that it does not", async (t) => {
  await campaign(t, seeds);
});

test("the same with volumes on the hosts' own disks, of which each is whole where the machine is, and nowhere else", async (t) => {
  await campaign(t, seeds, "local");
});
