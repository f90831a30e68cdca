import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import * as bed from "../iso/image/bed.ts";
import { answersFor, comesUp, installUnattended, switchedOff } from "../iso/image/unattended.ts";
import { makeGuestDisk, startGuest } from "../support/vm/debian.ts";
import { startVm, type Vm, type VmOptions } from "../support/vm/vm.ts";
import { type Document, type Figure, figure, machine } from "./figures.ts";

/*
 * npm run -s bench:image [-- --quick]: how long the image takes to build, to install and to boot, beside a small Debian
 * that boots on the same emulated machine. As root; a quick run leaves out the build with an empty cache.
 */

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-bench-"));
const figures: Figure[] = [];
let running: Vm | undefined;

function add(...parts: Parameters<typeof figure>): void {
  const made = figure(...parts);
  figures.push(made);
  console.error(`  ${made.name}: ${made.value} ${made.unit}${made.goal === null ? "" : ` (${made.goal})`}`);
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ seconds: number; result: T }> {
  const from = performance.now();
  const result = await work();
  return { seconds: (performance.now() - from) / 1000, result };
}

/** One machine after the other, each with what is asked for here: 2 CPUs, 3 GiB. */
async function start(options: Partial<VmOptions>): Promise<Vm> {
  await running?.stop();
  running = await startVm({ folder, cpus: 2, memoryMiB: 3072, nics: [{ network: "user" }], ...options });
  return running;
}

const sumOf = (iso: string) => fs.readFileSync(`${iso}.sha256`, "utf8").slice(0, 64);

async function builds(): Promise<string> {
  // What both builds below share: the programs' dependencies and, for the second, the packages.
  const iso = bed.buildImage();
  const changed = bed.copySources(path.join(folder, "changed"));
  fs.appendFileSync(path.join(changed, "core/agent.ts"), '\nconsole.error("changed");\n');
  const warm = await timed(() => bed.buildImage({ sources: changed, out: path.join(folder, "changed-out") }));
  add("buildWarm", warm.seconds, "s", { goal: "<= 60", note: "packages in the cache, another program" });
  fs.rmSync(path.dirname(warm.result), { recursive: true, maxRetries: 5 });
  add("isoSize", fs.statSync(iso).size / 1e6, "MB", { goal: "<= 900" });
  if (quick) return iso;
  const other = bed.copySources(path.join(folder, "elsewhere"));
  const out = path.join(folder, "elsewhere-out");
  const cold = await timed(() =>
    bed.buildImage({ sources: other, out, env: { XDG_CACHE_HOME: path.join(folder, "cache") } }),
  );
  add("buildCold", cold.seconds, "s", { goal: "<= 300", note: "nothing in the cache" });
  const differing = sumOf(iso) === sumOf(cold.result) ? 0 : 1;
  add("differingBuilds", differing, "files", { goal: "<= 0", note: "another folder, packages fetched anew" });
  fs.rmSync(path.join(folder, "cache"), { recursive: true, maxRetries: 5 });
  fs.rmSync(out, { recursive: true, maxRetries: 5 });
  return iso;
}

async function installations(iso: string): Promise<void> {
  const whole = await timed(async () => {
    const installed = await installUnattended({ iso, folder, start }, "management", "bios");
    const vm = await start({ disks: installed.disks, startFrom: "disks" });
    await comesUp(vm, "management");
    return installed;
  });
  const { disks, seconds } = whole.result;
  add("unattendedToConsole", whole.seconds, "s", {
    goal: "<= 150",
    note: `power-on of the medium to the node's console; ${Math.round(seconds)} s of it until the machine switched itself off`,
  });
  const peer = await bareDebian();
  const boot = await timed(async () => comesUp(await start({ disks, startFrom: "disks" }), "management"));
  add("bootToConsole", boot.seconds, "s", {
    goal: "<= 45",
    reference: { name: "small Debian 13 to its login, without GRUB", value: peer },
  });
  fs.rmSync(disks[0]?.file ?? "", { force: true });
}

async function bareDebian(): Promise<number> {
  const place = path.join(folder, "debian");
  fs.mkdirSync(place);
  const guest = makeGuestDisk(place, bed.rootPassword, "bare");
  const { seconds } = await timed(async () => {
    const vm = await startGuest(place, guest);
    try {
      await vm.screen.until("login:", bed.bootTimeoutMs);
    } finally {
      await vm.stop();
    }
  });
  return seconds;
}

/** How much of 1.5 GiB an installation leaves, looked at every two seconds. */
async function memory(iso: string): Promise<void> {
  const givenMiB = 1536;
  const disks = [{ file: bed.emptyDisk(folder, "memory"), format: "qcow2" }] as const;
  const cdrom = bed.withAnswers(iso, answersFor("management"), folder);
  const vm = await start({ memoryMiB: givenMiB, cdrom, disks, startFrom: "medium" });
  const ended = switchedOff(vm);
  let isOver = false;
  ended
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
    });
  await vm.serial.until(/answer file|\d+ %/, bed.bootTimeoutMs);
  await bed.openMediumShell(vm);
  let leastMiB = Number.POSITIVE_INFINITY;
  while (!isOver) {
    const { output } = await vm.shell
      .try("sed -n 's/^MemAvailable: *\\([0-9]*\\).*/\\1/p' /proc/meminfo", 10_000)
      .catch(() => ({ output: "" }));
    if (output !== "") leastMiB = Math.min(leastMiB, Number(output) / 1024);
    await new Promise((done) => setTimeout(done, 2000));
  }
  await ended;
  add("installerMemory", givenMiB - leastMiB, "MiB", { goal: "<= 1536", note: `of ${givenMiB} MiB, at most` });
}

const startedAt = performance.now();
const found = { bench: "image", quick, machine: machine() };
const why = await bed.whyNot();
if (why !== undefined) throw new Error(`Images can't be measured here: ${why}.`);
try {
  const iso = await builds();
  await installations(iso);
  await memory(iso);
} finally {
  await running?.stop();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
const document: Document = { ...found, seconds: Math.round((performance.now() - startedAt) / 1000), figures };
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
process.exit(0);
