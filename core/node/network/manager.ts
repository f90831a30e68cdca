import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { jsonOrNothing } from "../../model/json.ts";
import type { Machine, RunResult } from "../machine.ts";

/** A network device as NetworkManager sees it. */
export type Device = {
  name: string;
  type: string;
  /** NMDeviceState: 10 unmanaged, 20 unavailable, 30 disconnected, 40 to 90 on its way, 100 activated, 120 failed. */
  state: number;
  /** NMDeviceStateReason as a number, and its words. */
  reason: number;
  reasonText: string;
  /** UUID of the profile that is active on it. */
  uuid: string | null;
};

export const deviceStates = { unavailable: 20, disconnected: 30, ipConfig: 70, activated: 100, failed: 120 } as const;

/**
 * NetworkManager of this node. Reading and activating goes through nmcli, which comes with it and puts its reasons into
 * words; checkpoints have no other door than D-Bus.
 *
 * Errors: NET.MANAGER_ABSENT (it does not run), NET.MANAGER_HANGS (no answer in time), NET.MANAGER_REFUSED (it says no,
 * with its own words).
 */
export type NetworkManager = {
  /** Reads all profiles anew: those that are gone are deactivated, devices without one take what fits them. */
  reload(): Promise<void>;
  devices(): Promise<Device[]>;
  /** Paths of the files whose profiles it has in memory. */
  loadedFiles(): Promise<string[]>;
  /** Starts activating a profile; does not wait for its end. */
  activate(uuid: string, device: string | null): Promise<void>;
  /** Takes over a changed profile without interrupting the device, where that is possible. */
  reapply(device: string): Promise<void>;
  /** Keeps the present state of all devices: NetworkManager goes back to it by itself after so many seconds. */
  createCheckpoint(seconds: number): Promise<string>;
  /** Moves the end of a checkpoint to so many seconds from now. */
  prolongCheckpoint(path: string, seconds: number): Promise<void>;
  destroyCheckpoint(path: string): Promise<void>;
};

const service = "org.freedesktop.NetworkManager";
const path = "/org/freedesktop/NetworkManager";
/** Delete connections and disconnect devices that are new since. Source: NMCheckpointCreateFlags. */
const checkpointFlags = 0x2 | 0x4;
const quickMs = 10_000;

export function realNetworkManager(machine: Pick<Machine, "run">): NetworkManager {
  const nmcli = async (args: readonly string[], reason: string, timeoutMs = quickMs): Promise<string> =>
    answer(await running(machine.run("nmcli", args, { timeoutMs, reason })), reason);
  const call = async (signature: string, args: readonly string[], reason: string): Promise<string> => {
    const line = ["call", "--json=short", "--timeout=8", service, path, service, signature, ...args];
    return answer(await running(machine.run("busctl", line, { timeoutMs: quickMs, reason })), reason);
  };
  return {
    async reload() {
      await nmcli(["connection", "reload"], "read the network's profiles");
    },
    async devices() {
      const fields = ["DEVICE", "TYPE", "STATE", "REASON", "CON-UUID"].map((field) => `GENERAL.${field}`).join(",");
      return parseDevices(await nmcli(["-t", "-e", "no", "-f", fields, "device", "show"], "look at the devices"));
    },
    async loadedFiles() {
      const text = await nmcli(["-t", "-e", "no", "-f", "FILENAME", "connection", "show"], "look at the profiles");
      return text.split("\n").filter((line) => line !== "");
    },
    async activate(uuid, device) {
      const on = device === null ? [] : ["ifname", device];
      await nmcli(["-w", "0", "connection", "up", "uuid", uuid, ...on], `activate ${device ?? uuid}`);
    },
    async reapply(device) {
      await nmcli(["-w", "8", "device", "reapply", device], `change ${device}`);
    },
    async createCheckpoint(seconds) {
      const args = ["aouu", "0", String(seconds), String(checkpointFlags)];
      return objectPath(await call("CheckpointCreate", args, "keep the present network"));
    },
    async prolongCheckpoint(checkpoint, seconds) {
      const args = ["ou", checkpoint, String(seconds)];
      await call("CheckpointAdjustRollbackTimeout", args, "keep the present network for longer");
    },
    async destroyCheckpoint(checkpoint) {
      await call("CheckpointDestroy", ["o", checkpoint], "forget the former network");
    },
  };
}

async function running(run: Promise<RunResult>): Promise<RunResult> {
  try {
    return await run;
  } catch (error) {
    if (!(error instanceof NodeError) || error.code !== "RUN.TIMEOUT") throw error;
    throw hanging(error);
  }
}

function hanging(cause?: unknown): NodeError {
  return new NodeError("NET.MANAGER_HANGS", "NetworkManager does not answer.", {
    remedy: "Restart it in Services (NetworkManager.service), or restart the node.",
    cause,
  });
}

/** What nmcli and busctl say when nobody is there. Source: nmcli(1), "Exit status": 8. */
const absent = /NetworkManager is not running|The name is not activatable|was not provided by any|not been activated/;

/** What busctl says when its own time-out is over. */
const unanswered = /^Call failed: .*timed out/m;

function answer({ code, stdout, stderr }: RunResult, reason: string): string {
  if (code === 0) return stdout;
  const words = `${stderr}\n${stdout}`.trim();
  if (code === 8 || absent.test(words)) {
    throw new NodeError("NET.MANAGER_ABSENT", "NetworkManager does not run on this node.", {
      remedy: "Start it in Services (NetworkManager.service).",
    });
  }
  if (unanswered.test(words)) throw hanging();
  const [line = `code ${code}`] = words.split("\n").filter((each) => each.trim() !== "");
  const said = line
    .replace(/^(Error|Call failed): /, "")
    .replace(/\.$/, "")
    .slice(0, 300);
  throw new NodeError("NET.MANAGER_REFUSED", `NetworkManager could not ${reason}: ${said}.`, {
    remedy: "Look at its log: F2, Logs, NetworkManager.service.",
    values: { code, said },
  });
}

/** `nmcli -t device show`: a block of lines for each device, with blank lines between. */
export function parseDevices(text: string): Device[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const values = new Map(
      block.split("\n").flatMap((line) => {
        const found = /^GENERAL\.([A-Z-]+):(.*)$/.exec(line);
        return found === null ? [] : [[found[1] ?? "", found[2] ?? ""] as const];
      }),
    );
    const name = values.get("DEVICE");
    if (name === undefined || name === "") return [];
    const [state, reason] = [numbered(values.get("STATE")), numbered(values.get("REASON"))];
    return [
      {
        name,
        type: values.get("TYPE") ?? "",
        state: state.number,
        reason: reason.number,
        reasonText: reason.words,
        uuid: values.get("CON-UUID") || null,
      },
    ];
  });
}

/** `100 (connected)` */
function numbered(text = ""): { number: number; words: string } {
  const found = /^(\d+)(?: \((.*)\))?$/.exec(text.trim());
  return { number: Number(found?.[1] ?? 0), words: found?.[2] ?? "" };
}

const pathAnswer = z.object({ type: z.literal("o"), data: z.tuple([z.string().startsWith("/")]) });

function objectPath(text: string): string {
  const parsed = pathAnswer.safeParse(jsonOrNothing(text));
  if (parsed.success) return parsed.data.data[0];
  throw new NodeError("NET.MANAGER_REFUSED", "NetworkManager's answer about a checkpoint can't be understood.");
}
