import { writeSync } from "node:fs";
import { join } from "node:path";
import type { HostCommand, HypervisorDriver } from "../../../../core/hypervisor/driver.ts";
import { SimulatedDriver } from "../../../../core/hypervisor/simulated.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { HostCommands } from "../../../../core/node/host/commands.ts";
import { Random } from "../../../support/random.ts";
import { uuidOf } from "../../hypervisor/conformance.ts";

/* Carries out commands until it is killed; prints which one the hypervisor begins, and what each asker was told. */

const [folder = "", seed = "", first = ""] = process.argv.slice(2);
const random = new Random(Number(seed));
const simulated = await SimulatedDriver.open({
  folder: join(folder, "hypervisor"),
  bootId: "one",
  capacity: { cpuThreads: 4, memoryBytes: 1024 ** 4 },
  latencyMs: () => random.below(4),
  announce: () => {},
});
const driver: HypervisorDriver = {
  name: "simulated",
  tags: () => simulated.tags(),
  machines: (signal) => simulated.machines(signal),
  watch: (changed, signal) => simulated.watch(changed, signal),
  storage: (place, signal) => simulated.storage(place, signal),
  openConsole: (uuid, kind, signal) => simulated.openConsole(uuid, kind, signal),
  volume: (place, signal) => simulated.volume(place, signal),
  carryOut(command, signal) {
    writeSync(1, `begin ${numberOf(command)}\n`);
    return simulated.carryOut(command, signal);
  },
};
const commands = await HostCommands.open({ folder: join(folder, "agent"), driver, now: Date.now });

/** Three belong together: a volume, the machine that has it, and a reboot of that, which fails for every second one. */
function commandOf(n: number): HostCommand {
  const group = n - (n % 3);
  const path = `/v/${group}`;
  if (n === group) return { do: "createVolume", path, sizeBytes: n, format: "raw" };
  if (n > group + 1) return { do: "rebootMachine", uuid: uuidOf(group % 2 === 0 ? group : group + 1_000_000) };
  const disks = [{ volumeUuid: uuidOf(n), path, format: "raw" as const }];
  return {
    do: "startMachine",
    machine: { uuid: uuidOf(group), name: "m", cpuNum: 1, memorySize: 1024, disks, nics: [] },
  };
}

function numberOf(command: HostCommand): number {
  if (command.do === "createVolume") return command.sizeBytes;
  if (command.do === "startMachine") return Number.parseInt(command.machine.uuid.slice(0, 12), 16) + 1;
  if (command.do !== "rebootMachine") throw new Error(command.do);
  return (Number.parseInt(command.uuid.slice(0, 12), 16) % 1_000_000) + 2;
}

async function ask(n: number): Promise<void> {
  const request = { id: `id${n}`, flow: "flow", epoch: 1, command: commandOf(n), timeoutMs: 60_000 };
  const outcome = await commands.carryOut(request).then(
    () => "done",
    (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
  );
  writeSync(1, `told ${n} ${outcome}\n`);
}

// Answers may have been lost: what was asked for last is asked for again, and now and then twice at once.
for (let next = Math.max(0, Number(first) - 30); ; ) {
  const count = 1 + random.below(12);
  const all = Array.from({ length: count }, (_, at) => ask(next + at));
  if (random.chance(30)) all.push(ask(next));
  next += count - (random.chance(30) ? 1 : 0);
  await Promise.all(all);
}
