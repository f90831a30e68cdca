import assert from "node:assert/strict";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { agentFailed } from "../../../../core/api/host/errors.ts";
import { cachedImagePath, type HostCommand } from "../../../../core/hypervisor/driver.ts";
import { vmStates } from "../../../../core/model/cloud/vm-states.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { taskEnd } from "../../../../core/orchestrator/tasks.ts";
import { unreachable } from "../../../support/cloud/hosts.ts";
import { managerOn } from "../../../support/cloud/manager.ts";
import { seen } from "../../../support/cloud/place.ts";
import { here, shelfBed, there } from "../../../support/cloud/shelves.ts";
import type { Random } from "../../../support/random.ts";

/*
 * A machine that is rescued and put away while something dies: a manager, a host, its answers, a command. What must hold
 * afterwards is checked against what hosts have.
 */

export const faults = [
  "none",
  "command fails",
  "answer is lost",
  "manager ends",
  "host is cut",
  "host restarts",
] as const;
export type Fault = (typeof faults)[number];

type Asked = { name: "StartVmInstance" | "StopVmInstance" | "DestroyVmInstance" | Act; input: object };
type Act = "RescueVmInstance" | "UnrescueVmInstance" | "ShelveVmInstance" | "UnshelveVmInstance";

export class LivesBed {
  readonly #t: TestContext;
  readonly #bed: Awaited<ReturnType<typeof shelfBed>>;
  /** What the manager that runs now can be asked. */
  #now: Pick<Awaited<ReturnType<typeof managerOn>>, "cloud" | "call" | "done">;
  #boots = 0;
  /** What happened, for whoever reads of a failure. */
  readonly story: string[] = [];

  private constructor(t: TestContext, bed: Awaited<ReturnType<typeof shelfBed>>) {
    this.#t = t;
    this.#bed = bed;
    this.#now = bed;
  }

  static async open(t: TestContext): Promise<LivesBed> {
    const bed = await shelfBed(t);
    await bed.call("UpdateGlobalConfig", {
      ...{ category: "host", name: "connection.autoReconnectOnError", value: "false" },
    });
    return new LivesBed(t, bed);
  }

  get machine() {
    const machine = this.#now.cloud.mirror.get("VmInstance", this.#bed.uuid)?.value;
    assert.ok(machine !== undefined, "the machine is lost");
    return machine;
  }

  /** Does one thing, during which the fault comes at a command that chance says. */
  async round(random: Random): Promise<void> {
    const { uuid, image } = this.#bed;
    const fault = random.pick(faults);
    const asked = this.#next(random, uuid, image);
    const nth = 1 + random.below(6);
    this.story.push(`${this.machine.state}: ${asked.name}, ${fault} at command ${nth}`);
    const struck = this.#plan(fault, nth, random);
    const { task } = (await this.#now.call(asked.name, asked.input)) as { task: { uuid: string } };
    const ended = taskEnd(this.#now.cloud.mirror, task.uuid, AbortSignal.timeout(120_000)).catch(() => undefined);
    await Promise.race([ended, struck.promise]);
    if (fault === "manager ends") await this.#restart();
    await taskEnd(this.#now.cloud.mirror, task.uuid, AbortSignal.timeout(120_000));
    struck.heal();
    await this.#quiet();
    this.story.push(`→ ${this.machine.state}`);
    if (this.machine.state === "Error") await this.#mend();
    await this.#check();
  }

  #next(random: Random, uuid: string, imageUuid: string): Asked {
    const of = (name: Asked["name"], more: object = {}): Asked => ({ name, input: { uuid, ...more } });
    const away = [of("RescueVmInstance", { imageUuid }), of("ShelveVmInstance")];
    const { state } = this.machine;
    if (state === "Running") return random.pick([...away, ...away, of("StopVmInstance", { type: "cold" })]);
    if (state === "Stopped") return random.pick([...away, of("StartVmInstance")]);
    if (state === "Rescued") return of("UnrescueVmInstance");
    assert.equal(state, "Shelved");
    return of("UnshelveVmInstance");
  }

  #plan(fault: Fault, nth: number, random: Random): { promise: Promise<void>; heal: () => void } {
    const { hosts, drivers } = this.#bed;
    const { command } = hosts.link;
    const struck = Promise.withResolvers<void>();
    const isBefore = random.chance(50);
    let count = 0;
    hosts.link.command = async (host, what, how) => {
      count += 1;
      if (count !== nth || fault === "none") return await command(host, what, how);
      this.story.push(`${what.do} ${isBefore ? "before" : "after"}`);
      const address = host.managementIp;
      if (fault === "command fails") throw failed(address, what);
      if (!isBefore) await command(host, what, how);
      if (fault === "answer is lost") throw unreachable(address);
      if (fault === "host restarts") {
        drivers[address === here ? 0 : 1]?.restart(`boot ${++this.#boots}`);
        await command(host, what, how);
        return;
      }
      struck.resolve();
      if (fault === "host is cut") {
        hosts.cut(address, false);
        const hostUuid = host.uuid;
        await this.#now.done("ReconnectHost", { uuid: hostUuid });
        throw unreachable(address);
      }
      assert.ok(how.signal !== undefined);
      if (!how.signal.aborted) await once(how.signal, "abort");
      throw how.signal.reason;
    };
    const heal = () => {
      hosts.link.command = command;
      for (const address of [here, there]) hosts.cut(address, true);
    };
    return { promise: struck.promise, heal };
  }

  async #restart(): Promise<void> {
    const { store, hosts, imageStore } = this.#bed;
    await this.#now.cloud.close();
    this.#now = await managerOn(this.#t, store, hosts, { images: imageStore, stepLimits: { undoAttempts: 1 } });
  }

  /** Hosts are back, nothing is under way, what is over has gone. */
  async #quiet(): Promise<void> {
    const { mirror } = this.#now.cloud;
    for (const uuid of this.#bed.hostUuids) {
      const task = await this.#now.done("ReconnectHost", { uuid });
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    }
    await seen(mirror, () => this.machine.state !== "Unknown" && this.machine.operation === null);
    for (let time = 0; time < 2; time++) {
      await this.#now.cloud.sweep();
      await seen(mirror, () => mirror.count("Flow") === 0);
    }
  }

  /** As the state's own remedy says. */
  async #mend(): Promise<void> {
    const { uuid } = this.#bed;
    assert.equal((await this.#now.done("DestroyVmInstance", { uuid })).state, "Succeeded");
    await this.#now.call("RecoverVmInstance", { uuid });
    await this.#quiet();
  }

  async #check(): Promise<void> {
    const { drivers, hostUuids, images, image, uuid, primary } = this.#bed;
    const { mirror } = this.#now.cloud;
    const { machine } = this;
    const { state, rootVolumeUuid, hostUuid } = machine;
    assert.ok(vmStates[state].settled && machine.operation === null);
    const root = mirror.get("Volume", rootVolumeUuid ?? "")?.value;
    const isShelved = state === "Shelved";
    assert.equal(root?.status, isShelved ? "NotInstantiated" : "Ready", "it has its root volume, or its image");
    // One that may have run with its new root volume, and was not seen to, keeps its image until it is.
    const hasImage = isShelved || ((state === "Stopped" || state === "Rescued") && mirror.count("Shelf") === 1);
    for (const [kind, wanted] of [
      ["Shelf", hasImage],
      ["Rescue", state === "Rescued"],
      ["Expunging", false],
    ] as const)
      assert.equal(mirror.count(kind), Number(wanted), kind);
    assert.equal(machine.stateBeforeRescue === null, state !== "Rescued");
    const all = [...mirror.all("Image")].map(({ value }) => value);
    const kept = all.filter((each) => each.uuid !== image);
    assert.deepEqual(
      kept.map(({ status }) => status),
      hasImage ? ["Ready"] : [],
    );
    assert.deepEqual(images.kept().sort(), all.map(({ sha256 }) => sha256 ?? "").sort());
    assert.deepEqual(images.incoming(), []);
    // What hosts have.
    const volumes = [...mirror.all("Volume")].map(({ value }) => value);
    assert.equal(volumes.length, state === "Rescued" ? 2 : 1);
    const place = { type: "LocalStorage", url: primary.url, path: primary.url };
    let used = 0;
    for (const [nth, driver] of drivers.entries()) {
      const { totalBytes, availableBytes } = await driver.storage(place, AbortSignal.timeout(60_000));
      used += totalBytes - availableBytes;
      const report = (await driver.machines(AbortSignal.timeout(60_000))).find((each) => each.uuid === uuid);
      const isOn = report?.state === "running";
      assert.equal(isOn, (state === "Running" || state === "Rescued") && hostUuid === hostUuids[nth], "where it runs");
      if (!isOn) continue;
      const rescue: string | null | undefined = volumes.find((each) => each.uuid !== root?.uuid)?.installPath;
      const disks = driver.machineOf(uuid)?.paths ?? [];
      assert.deepEqual(disks, state === "Rescued" ? [rescue, root?.installPath] : [root?.installPath], "its disks");
    }
    let cached = 0;
    for (const [, { value }] of mirror.entries("CachedImage")) {
      const copy = { sha256: String(value["sha256"]), format: value["format"] === "raw" ? "raw" : "qcow2" } as const;
      const sizeBytes = Number(value["sizeBytes"]);
      const bringer = String(value["hostUuid"]);
      const of = { ...copy, sizeBytes, bringer, path: cachedImagePath(primary.url, copy) };
      const driver = drivers[hostUuids.indexOf(bringer)];
      // One that is to come is on record before its first byte.
      if ((await driver?.images.progress(of))?.isWhole === true) cached += sizeBytes;
    }
    const made = volumes.reduce((sum, { installPath, size }) => sum + (installPath === null ? 0 : size), 0);
    assert.equal(used, cached + made, "files that no record knows, or records of files that are gone");
  }
}

function failed(address: string, { do: verb }: HostCommand) {
  return agentFailed(address, new NodeError("HYPERVISOR.FAILED", `${verb} failed.`));
}
