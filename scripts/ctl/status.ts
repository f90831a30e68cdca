import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { version } from "../../core/version.ts";
import { configurationOrPresets } from "./settings.ts";
import { managerAnswers, managerUnit, uiUnit, unitState } from "./units.ts";
import type { CtlWorld } from "./world.ts";

const logFile = "/var/log/binnacle/manager.log";
const uiPort = 5000;

/** What `status` prints. Source: ../shared/spec/management.md, "zstack-ctl". */
export async function status(world: CtlWorld): Promise<void> {
  const { say } = sayer(world);
  const { configuration } = await configurationOrPresets(world.configurationFile);
  say(`home: ${dirname(dirname(configuration["store.file"]))}`);
  say(`configuration file: ${world.configurationFile}`);
  say(`PID file: none, systemd keeps the process (${managerUnit})`);
  say(`log file: ${existsSync(logFile) ? logFile : `journalctl -u ${managerUnit}`}`);
  say(`version: ${version}`);
  say(`MN status: ${await managerStatus(world)}`);
  await uiStatus(world);
}

export async function uiStatus(world: CtlWorld): Promise<void> {
  const { say } = sayer(world);
  const { active, pid } = await unitState(world, uiUnit).catch(() => ({ active: "unknown", pid: null }));
  if (active === "active" || active === "reloading")
    return say(`UI status: Running${pidText(pid)} http://${await uiHost(world)}:${uiPort}`);
  say(`UI status: ${active === "inactive" || active === "failed" ? "Stopped" : "Unknown"}`);
}

/** Running: it answers. Unknown: its process is there and does not, or nobody knows. */
async function managerStatus(world: CtlWorld): Promise<string> {
  const [answers, state] = await Promise.all([managerAnswers(world), unitState(world, managerUnit).catch(() => null)]);
  if (answers) return `Running${pidText(state?.pid ?? null)}`;
  if (state === null) return "Unknown";
  return state.active === "inactive" || state.active === "failed" ? "Stopped" : `Unknown${pidText(state.pid)}`;
}

function pidText(pid: number | null): string {
  return pid === null ? "" : ` [PID:${pid}]`;
}

async function uiHost(world: CtlWorld): Promise<string> {
  const { configuration } = await configurationOrPresets(world.configurationFile);
  const address = configuration["management.ip"] || (world.addresses()[0] ?? "localhost");
  return address.includes(":") ? `[${address}]` : address;
}

function sayer({ voice }: CtlWorld) {
  return { say: (line: string) => voice.say(line) };
}
