import assert from "node:assert/strict";
import { test } from "node:test";
import { hardwareReader } from "../../../core/node/hardware.ts";

/** The library with its real shapes, on a machine whose firmware answers when it is told to. */
async function slowLibrary() {
  const real = (await import("systeminformation")).default;
  const gate = Promise.withResolvers<void>();
  const asked = { times: 0 };
  const library = {
    baseboard: real.baseboard,
    bios: real.bios,
    cpu: real.cpu,
    memLayout: real.memLayout,
    async system() {
      asked.times += 1;
      await gate.promise;
      return real.system();
    },
  };
  return { load: async () => library, asked, answer: gate.resolve };
}

test("those who ask while the firmware is being read share one reading; later ones get a new one", async () => {
  const { load, asked, answer } = await slowLibrary();
  const read = hardwareReader(load);
  const all = [read(), read(), read()];
  answer();
  const [first, second] = await Promise.all(all);
  assert.deepEqual(first, second);
  assert.equal(asked.times, 1);
  await read();
  assert.equal(asked.times, 2);
});

test("a reading that hangs times out for everybody, and no second one is started beside it", async (t) => {
  const { load, asked, answer } = await slowLibrary();
  const read = hardwareReader(load);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (let i = 0; i < 3; i++) {
    const refused = assert.rejects(read(), { code: "HARDWARE.TIMEOUT" });
    t.mock.timers.tick(8_000);
    await refused;
  }
  assert.equal(asked.times, 1);
  t.mock.timers.reset();
  const last = read();
  answer();
  assert.ok((await last).cpu.threads >= 1);
});
