import { test } from "node:test";
import { campaign } from "./migration/campaign.ts";

test("whatever dies during 300 migrations, the machine runs once, or its record says that it does not", async (t) => {
  await campaign(
    t,
    Array.from({ length: 300 }, (_, seed) => seed + 1000),
  );
});
