import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import type { BenchHost, VmBed } from "./bed.ts";

const lookMs = 5;
/** What comes before has been taken in, and the host holds the manager's ping again. */
const quietMs = 1_000;

/** Somebody pauses and resumes a machine by virsh: from libvirt's event to the state that the API answers with. */
export async function eventFigures(bed: VmBed, runs: number): Promise<Figure[]> {
  const host = bed.host(0);
  const uuid = await bed.create("watched", { hostUuid: host.uuid });
  const stream = new Events(host);
  const [toApi, toStream]: [number[], number[]] = [[], []];
  try {
    await stream.ready();
    for (let run = 0; run < runs; run++) {
      await pause(quietMs);
      const [verb, state] = run % 2 === 0 ? (["suspend", "Paused"] as const) : (["resume", "Running"] as const);
      const event = stream.next();
      const told = toldOnStream(bed, uuid, state);
      const changed = stateAtApi(bed, uuid, state);
      const done = host.node.run(["virsh", "-q", verb, uuid]);
      const [at, changedAt, toldAt] = await Promise.all([event, changed, told, done]);
      toApi.push(changedAt - at);
      toStream.push(toldAt - at);
    }
  } finally {
    stream.close();
  }
  await bed.remove([uuid]);
  return [
    figure("eventToApi", medianOf(toApi), "ms", {
      ...{ goal: "<= 200", spread: spreadOf(toApi) },
      note: "beside `virsh event`, whose line is the beginning; GetVmInstance is asked each 5 ms",
    }),
    figure("eventToStream", medianOf(toStream), "ms", { spread: spreadOf(toStream), note: "at GET /v1/events" }),
  ];
}

async function stateAtApi({ client }: VmBed, uuid: string, state: string): Promise<number> {
  for (;;) {
    const { inventory } = await client.call("GetVmInstance", { uuid });
    if (inventory.state === state) return performance.now();
    await pause(lookMs);
  }
}

async function toldOnStream({ client }: VmBed, uuid: string, state: string): Promise<number> {
  let text = "";
  for await (const part of client.events("/v1/events?kinds=VmInstance")) {
    text += part;
    if (text.includes(uuid) && text.includes(`"state":"${state}"`)) return performance.now();
  }
  throw new Error("The stream of events has ended.");
}

/** Lines of `virsh event`, which tells of whatever happens on a host. */
class Events {
  readonly #child;
  readonly #lines;
  readonly #host: BenchHost;

  constructor(host: BenchHost) {
    const [command, ...args] = host.node.commandLine("virsh", "event", "--loop", "--event", "lifecycle");
    this.#host = host;
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout);
  }

  /** Once it has told of an event that is made for that. */
  async ready(): Promise<void> {
    const seen = once(this.#lines, "line");
    let isSeen = false;
    void seen.then(() => {
      isSeen = true;
    });
    while (!isSeen) {
      const xml = "<domain type='qemu'><name>probe</name><memory>1024</memory><os><type>hvm</type></os></domain>";
      await this.#host.node.run(
        ["sh", "-c", "cat >/tmp/probe.xml; virsh -q define /tmp/probe.xml; virsh -q undefine probe"],
        xml,
      );
    }
    await pause(100);
  }

  /** When the next one comes. */
  async next(): Promise<number> {
    await once(this.#lines, "line");
    return performance.now();
  }

  close(): void {
    this.#child.kill();
  }
}
