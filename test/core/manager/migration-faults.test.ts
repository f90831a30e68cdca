import { test } from "node:test";
import { campaign } from "./migration/campaign.ts";

test("whatever dies during a migration, the machine runs once, or its record says that it does not", async (t) => {
  await campaign(
    t,
    Array.from({ length: 20 }, (_, seed) => seed + 1),
  );
});
