import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { HostLink } from "../../../../core/orchestrator/host-link.ts";
import { limitedLink } from "../../../../core/orchestrator/hosts/limited-link.ts";

/** A link whose commands go on until the test ends them, by their id. */
function held() {
  const running = new Map<string, PromiseWithResolvers<void>>();
  const begun: string[] = [];
  const link = {
    ping: async () => ({ bootId: "b", version: "1", protocol: 1 }),
    machines: async () => [],
    command: (_host, _command, { id }) => {
      begun.push(id);
      const gate = Promise.withResolvers<void>();
      running.set(id, gate);
      return gate.promise;
    },
  } satisfies Partial<HostLink> as unknown as HostLink;
  return { link, running, begun };
}

function bed(most: number) {
  const limit = { most };
  const { link, running, begun } = held();
  const limited = limitedLink(link, () => limit.most);
  const command = (id: string, host = "a", signal?: AbortSignal) =>
    limited.command(
      { uuid: host, managementIp: "10.0.0.2" },
      { do: "rebootMachine", uuid: "m" },
      { id, flow: id, epoch: 1, timeoutMs: 1000, ...(signal === undefined ? {} : { signal }) },
    );
  /** Ends one, and waits until what follows from that has begun. */
  const end = async (id: string, error?: Error) => {
    if (error === undefined) running.get(id)?.resolve();
    else running.get(id)?.reject(error);
    await turn();
  };
  return { limit, limited, begun, command, end };
}

test("a host is given so many commands at once, the others wait in the order in which they came", async () => {
  const { begun, command, end } = bed(2);
  const all = ["1", "2", "3", "4"].map((id) => command(id));
  await turn();
  assert.deepEqual(begun, ["1", "2"]);
  await end("2");
  assert.deepEqual(begun, ["1", "2", "3"]);
  await end("1");
  assert.deepEqual(begun, ["1", "2", "3", "4"]);
  for (const id of ["3", "4"]) await end(id);
  await Promise.all(all);
});

test("a busy host holds up no other one, and is pinged and asked all the same", async () => {
  const { limited, begun, command, end } = bed(1);
  const all = [command("1"), command("2"), command("3", "b")];
  await turn();
  assert.deepEqual(begun, ["1", "3"]);
  const host = { uuid: "a", managementIp: "10.0.0.2" };
  assert.equal((await limited.ping(host)).bootId, "b");
  assert.deepEqual(await limited.machines(host), []);
  for (const id of ["1", "2", "3"]) await end(id);
  await Promise.all(all);
});

test("a command that fails gives its place to the next one", async () => {
  const { begun, command, end } = bed(1);
  const [first, second] = [command("1"), command("2")];
  first.catch(() => undefined);
  await turn();
  await end("1", new Error("It fails."));
  await assert.rejects(first, /It fails/);
  assert.deepEqual(begun, ["1", "2"]);
  await end("2");
  await second;
});

test("who gives up while waiting is never carried out, and takes no place", async () => {
  const { begun, command, end } = bed(1);
  const giving = new AbortController();
  const [first, second, third] = [command("1"), command("2", "a", giving.signal), command("3")];
  second.catch(() => undefined);
  await turn();
  giving.abort(new Error("It gave up."));
  await assert.rejects(second, /It gave up/);
  await assert.rejects(command("4", "a", giving.signal), /It gave up/);
  await end("1");
  assert.deepEqual(begun, ["1", "3"]);
  await end("3");
  await Promise.all([first, third]);
});

test("a limit that was raised holds for the next command, and nobody overtakes; a lowered one lets what runs go on", async () => {
  const { limit, begun, command, end } = bed(1);
  const all = [command("1"), command("2")];
  await turn();
  limit.most = 3;
  all.push(command("3"));
  await turn();
  assert.deepEqual(begun, ["1", "2", "3"]);
  limit.most = 1;
  all.push(command("4"));
  for (const id of ["1", "2"]) await end(id);
  assert.deepEqual(begun, ["1", "2", "3"]);
  await end("3");
  assert.deepEqual(begun, ["1", "2", "3", "4"]);
  await end("4");
  await Promise.all(all);
});
