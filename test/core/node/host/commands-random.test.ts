import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { test } from "node:test";
import type { HostCommand } from "../../../../core/hypervisor/driver.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { Random } from "../../../support/random.ts";
import { uuidOf } from "../../hypervisor/conformance.ts";
import { ask, bedOf, reboot } from "./bed.ts";

test("random commands, repetitions, attempts and crashes: what was told stays, and nothing told is done again", async (t) => {
  const seen = { told: 0, repeated: 0, stale: 0, crashes: 0, interrupted: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const outcomes = new Map<string, string>();
    const latest = [0, 0, 0];
    const atOnce = 1 + random.below(4);
    let place = await bedOf(t, { atOnce });
    for (let life = 0; life < 5; life++) {
      const { driver } = place;
      let isCrashed = false;
      // A command that does not end before the agent does may keep all others from ending.
      const stuck = Promise.withResolvers<void>();
      // Another manager goes on with all flows: whether the one before had told a later attempt is not known.
      driver.onCall = ({ end }) => end();
      for (const flow of [0, 1, 2]) {
        const epoch = (latest[flow] ?? 0) + 1;
        latest[flow] = epoch;
        const first = ask(`first${life}-${flow}`, reboot(flow), { epoch, flow: `flow${flow}` });
        await place.commands.carryOut(first);
      }
      driver.onCall = ({ command, end }) => {
        const id = command.do === "stopMachine" ? `id${command.graceMs}` : "";
        assert.ok(isCrashed || !outcomes.has(id), `seed ${seed}, life ${life}: ${id} is done again`);
        const error = random.chance(30) ? new NodeError("HYPERVISOR.FAILED", "No.") : undefined;
        const turns = random.below(6);
        // Some do not end before the agent does.
        if (life === 4 || turns > 0) return void afterTurns(turns).then(() => end(error));
        seen.interrupted++;
        stuck.resolve();
      };
      const asked: Promise<void>[] = [];
      for (let n = 0; n < 60; n++) {
        const number = random.below(30);
        const id = `id${number}`;
        const flow = number % 3;
        const now = latest[flow] ?? 0;
        const epoch = now + (random.chance(8) ? 1 : random.chance(10) && now > 0 ? -1 : 0);
        latest[flow] = Math.max(now, epoch);
        const command: HostCommand = { do: "stopMachine", uuid: uuidOf(number % 5), graceMs: number };
        const before = outcomes.get(id);
        const request = ask(id, command, { epoch, flow: `flow${flow}` });
        const told = place.commands.carryOut(request).then(
          () => "done",
          (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
        );
        const judged = told.then((outcome) => {
          if (isCrashed) return;
          const where = `seed ${seed}, life ${life}, ${id}`;
          if (epoch < now) {
            seen.stale++;
            return assert.equal(outcome, "HOST.1020", where);
          }
          if (before !== undefined) seen.repeated++;
          seen.told++;
          assert.equal(outcome, outcomes.get(id) ?? outcome, where);
          outcomes.set(id, outcome);
        });
        // A failure is thrown where it is awaited, below.
        judged.catch(() => undefined);
        asked.push(judged);
        if (random.chance(50)) await afterTurns(random.below(4));
        // However slow the disk is, some are repeated of which it is known what came of them.
        if (random.chance(10)) await Promise.race([told, stuck.promise]);
      }
      const some = Promise.all(asked);
      await (life === 4 ? some : Promise.race([some, stuck.promise]));
      if (life !== 4) await afterTurns(random.below(20));
      assert.equal(driver.overlaps, 0, `seed ${seed}`);
      // What the disk has at this moment is what the next agent finds.
      isCrashed = true;
      seen.crashes++;
      const next = await bedOf(t, { atOnce });
      if (existsSync(place.file)) copyFileSync(place.file, next.file);
      place = { ...next, commands: await next.open() };
    }
  }
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: ${count}`);
});

async function afterTurns(turns: number): Promise<void> {
  for (let n = 0; n < turns; n++) await new Promise((resolve) => setImmediate(resolve));
}
