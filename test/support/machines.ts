import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Recording, recording } from "../../core/node/fixture.ts";
import { root } from "./programs.ts";

/** Names of the recorded machines in `test/fixtures/machines`. */
export const recordedMachines = ["laptop-vm", "bonded-server", "storage-failing", "bare"] as const;
export type RecordedMachine = (typeof recordedMachines)[number];

export function readRecording(name: RecordedMachine): Recording {
  return recording.parse(JSON.parse(readFileSync(join(root, "test/fixtures/machines", `${name}.json`), "utf8")));
}

/** The moment at which a recorded machine's clock stands still, as the console's --frozen-clock takes it. */
export function recordedNow(name: RecordedMachine): string {
  return new Date(readRecording(name).now).toISOString();
}

/** Writes a recorded machine with more in it to `file`: what the recording has already is replaced. */
export function writeMachine(
  file: string,
  name: RecordedMachine,
  more: Partial<Pick<Recording, "files" | "dirs" | "commands" | "streams">>,
): void {
  const recorded = readRecording(name);
  const both = {
    ...recorded,
    files: { ...recorded.files, ...more.files },
    dirs: { ...recorded.dirs, ...more.dirs },
    commands: { ...recorded.commands, ...more.commands },
    streams: { ...recorded.streams, ...more.streams },
  };
  writeFileSync(file, JSON.stringify(both));
}

/** Files of /proc for a process that does nothing: its figures stay as they are. */
export function idleProcess(pid: number, name: string, uid: number, residentMiB: number): Recording["files"] {
  const pages = residentMiB * 256;
  return {
    [`/proc/${pid}/stat`]: `${pid} (${name}) S 1 ${pid} ${pid} 0 -1 4194304 0 0 0 0 900 300 0 0 20 0 1 0 4200 0 ${pages} 0\n`,
    [`/proc/${pid}/status`]: `Name:\t${name}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nVmRSS:\t${residentMiB * 1024} kB\n`,
  };
}
