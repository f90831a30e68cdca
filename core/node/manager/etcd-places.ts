import { hostname } from "node:os";
import * as z from "zod";
import { jsonOrNothing } from "../../model/json.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import { rangeAnswer } from "../../store/etcd/answers.ts";
import { EtcdClient } from "../../store/etcd/client.ts";
import { asUser } from "../../store/etcd/credentials.ts";
import { Keys, storePrefix } from "../../store/etcd/keys.ts";
import { type Machine, readIfThere } from "../machine.ts";

const place = z.object({ hostname: z.string() });
const askMs = 3_000;

/** Host names of the other managers in a store; none when it can't be asked. */
export async function etcdPlaces(machine: Machine, configuration: ManagerConfiguration): Promise<string[]> {
  const read = (file: string) => readIfThere(machine, file);
  const ask = asUser(configuration, read, async (options) => {
    const client = new EtcdClient({ ...options, timeoutMs: askMs });
    try {
      const body = new Keys(storePrefix).records("ManagementNode");
      return rangeAnswer.parse(await client.call({ path: "/v3/kv/range", body, repeatable: true })).kvs;
    } finally {
      await client.close();
    }
  });
  const found = await ask.catch(() => []);
  const names = found.map(({ value }) => {
    const parsed = place.safeParse(jsonOrNothing(Buffer.from(value, "base64").toString()));
    return parsed.success ? parsed.data.hostname : "?";
  });
  return [...new Set(names)].filter((name) => name !== hostname()).sort();
}
