import assert from "node:assert/strict";
import { test } from "node:test";
import type { VirtualMachine } from "../../../core/model/facts.ts";
import { machinesScreen } from "../../../tui/screens/machines.ts";
import { bed, type Recorded, recordedFacts, styleOf } from "./support.ts";

function withMachines({ facts, now }: Recorded, list: VirtualMachine[] | null): Recorded {
  if (facts.virtualMachines.state !== "value") throw new Error("the recording has virtual machines");
  const value = { ...facts.virtualMachines.value, list };
  return { now, facts: { ...facts, virtualMachines: { ...facts.virtualMachines, value } } };
}

function machine(name: string, state: VirtualMachine["state"], more: Partial<VirtualMachine> = {}): VirtualMachine {
  return { uuid: `${name}-0000`, name, cpus: 2, memoryBytes: 2 ** 32, state, ...more };
}

test("each machine has its name, state, CPUs, memory and UUID; the selected one's UUID is whole", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const text = lines(machinesScreen(control)).join("\n");
  assert.match(text, /3 virtual machines {3}2 running {3}1 stopped {3}0 unknown/);
  assert.match(text, /> web01 +Running +2 +4 G +0d9c5a52-6f4b-4a7e-9e~\n/);
  assert.match(text, /\n {2}web01 {3}virtual machine\n/);
  assert.match(text, /UUID +0d9c5a52-6f4b-4a7e-9e0c-1b5f6d2a0001\n/);
  assert.match(lines(machinesScreen(control), 132, 43).join("\n"), /0d9c5a52-6f4b-4a7e-9e0c-1b5f6d2a0003\n/);
});

test("crashed machines come first, then those that nobody knows of, then running ones by number", async () => {
  const list = [
    machine("stopped1", "stopped"),
    machine("web10", "running"),
    machine("web9", "running"),
    machine("lost", "unknown"),
    machine("broken", "crashed"),
  ];
  const { control, lines, frame } = await bed(withMachines(await recordedFacts("storage-failing"), list));
  const screen = machinesScreen(control);
  const names = lines(screen)
    .slice(4, 9)
    .map((line) => line.slice(4).split(" ")[0]);
  assert.deepEqual(names, ["broken", "lost", "web9", "web10", "stopped1"]);
  assert.equal(styleOf(frame(screen, 80, 24), "Crashed"), "bad");
});

test("a figure that libvirt did not give is a dash with the reason, never a zero", async () => {
  const list = [machine("busy", "running", { cpus: null, memoryBytes: null })];
  const { control, lines } = await bed(withMachines(await recordedFacts("storage-failing"), list));
  const text = lines(machinesScreen(control)).join("\n");
  assert.match(text, /> busy +Running +- +- /);
  assert.match(text, /vCPU +- {2}libvirt did not tell\n/);
});

test("machines that are counted but not listed yet are not taken for none", async () => {
  const { control, lines } = await bed(withMachines(await recordedFacts("storage-failing"), null));
  const text = lines(machinesScreen(control)).join("\n");
  assert.match(text, /- {2}not read yet/);
  assert.doesNotMatch(text, /No virtual machines/);
});

test("a node without machines says so", async () => {
  const { control, lines } = await bed(withMachines(await recordedFacts("storage-failing"), []));
  assert.match(lines(machinesScreen(control)).join("\n"), /No virtual machines on this node\./);
});
