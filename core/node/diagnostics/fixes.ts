import { NodeError } from "../../model/error.ts";
import { readUnits, type Service } from "../facts/services.ts";
import type { Machine } from "../machine.ts";
import { plainLine } from "../plain-text.ts";
import type { AskManager } from "./check.ts";
import { looksUpNames, withoutNames } from "./sshd.ts";

export type FixOptions = {
  machine: Machine;
  /** False in a preview: the fix is refused, and nothing runs. */
  allowChanges: boolean;
  /** Asks this node's manager; null or absent where there is none to ask. */
  manager?: AskManager | null;
};

const timeoutMs = 60_000;
const unitName = /^[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|timer|swap|path|target)$/;

/**
 * Carries out the remedy that a finding names in `fix`. Each looks once more whether it is needed: a finding may be old.
 *
 * @throws NodeError FIX.UNKNOWN, FIX.PREVIEW, FIX.NOT_NEEDED, FIX.FAILED
 */
export async function applyFix(id: string, options: FixOptions): Promise<void> {
  const [name = "", subject = ""] = splitOnce(id);
  const fix = Object.hasOwn(fixes, name) ? fixes[name] : undefined;
  if (fix === undefined)
    throw new NodeError("FIX.UNKNOWN", "There is no such remedy.", { remedy: "Run the diagnostics once more." });
  if (!options.allowChanges)
    throw new NodeError("FIX.PREVIEW", "This is a preview: nothing on this machine is changed.", {
      remedy: "Carry out the remedy by hand, or run on a node.",
    });
  await fix(options.machine, subject, options.manager ?? null);
}

type Fix = (machine: Machine, subject: string, manager: AskManager | null) => Promise<void>;

const fixes: Record<string, Fix> = {
  async "vacuum-journal"(machine) {
    await run(machine, "journalctl", ["--vacuum-size=200M"]);
  },

  /** Sets the clock at once instead of slowly; chrony does it only with a source that it trusts. */
  async "step-clock"(machine) {
    await run(machine, "chronyc", ["makestep"]);
  },

  async "restart-unit"(machine, unit) {
    if (!unitName.test(unit)) throw new NodeError("FIX.UNKNOWN", "There is no such unit.");
    const service = await stateOf(machine, unit);
    if (service.active === "active" && service.sub === "running" && service.restarts === 0) throw notNeeded(unit);
    // Otherwise a unit that failed too often in a row is refused another start.
    await run(machine, "systemctl", ["reset-failed", "--", unit]);
    await run(machine, "systemctl", ["restart", "--", unit]);
  },

  /** machined first, for libvirt talks to it over D-Bus. Virtual machines go on. */
  async "restart-libvirt"(machine) {
    const [daemon] = await readUnits(machine, ["virtqemud.service", "libvirtd.service"], new AbortController().signal);
    if (daemon === undefined) throw new NodeError("FIX.NOT_NEEDED", "libvirt is not installed on this node.");
    await run(machine, "systemctl", ["restart", "--", "systemd-machined.service"]);
    await run(machine, "systemctl", ["restart", "--", daemon.unit]);
  },

  /** A task of the manager, which goes on by itself: what comes of it is seen in the diagnostics that follow. */
  async "reconnect-host"(_, uuid, manager) {
    const failed = (why: string, cause?: unknown) =>
      new NodeError("FIX.FAILED", `The host is not reconnected: ${why}`, {
        remedy: "Look at the manager: zstack-ctl status",
        cause,
      });
    if (manager === null) throw failed("this node has no manager.");
    await manager("ReconnectHost", { uuid }).catch((error: unknown) => {
      throw failed(error instanceof Error ? error.message : String(error), error);
    });
  },

  /** Sessions go on: sshd reads its files again without ending any. */
  async "ssh-without-names"(machine) {
    const { file, text } = withoutNames;
    if ((await looksUpNames(machine)) !== true)
      throw new NodeError("FIX.NOT_NEEDED", "sshd does not look up the names of clients.");
    await run(machine, "install", ["-D", "-m", "644", "--", "/dev/stdin", file], text);
    if (await looksUpNames(machine)) {
      await run(machine, "rm", ["-f", "--", file]);
      throw new NodeError("FIX.FAILED", `sshd does not follow ${file}: another of its files says UseDNS yes.`, {
        remedy: "Set UseDNS no in that file, then: systemctl reload ssh",
      });
    }
    await run(machine, "systemctl", ["try-reload-or-restart", "--", "ssh.service"]);
  },
};

async function stateOf(machine: Machine, unit: string): Promise<Service> {
  const found = await readUnits(machine, [unit], new AbortController().signal).catch((error: unknown) => {
    throw new NodeError("FIX.FAILED", `The state of ${unit} can't be read.`, { cause: error });
  });
  const service = found.find((one) => one.unit === unit);
  if (service === undefined) throw new NodeError("FIX.UNKNOWN", `There is no unit ${unit}.`);
  return service;
}

async function run(machine: Machine, command: string, args: readonly string[], input?: string): Promise<void> {
  const limits = { timeoutMs, reason: "Diagnostics: remedy", ...(input === undefined ? {} : { input }) };
  const { code, stderr } = await machine.run(command, args, limits).catch((error: unknown) => {
    const why = error instanceof NodeError ? error.message : "";
    throw new NodeError("FIX.FAILED", `The remedy was not carried out. ${why}`.trim(), { cause: error });
  });
  if (code === 0) return;
  const said = plainLine(stderr.trim().split("\n")[0] ?? "", 200);
  throw new NodeError("FIX.FAILED", `${command} ${args[0] ?? ""} failed${said === "" ? "" : `: ${said}`}.`, {
    remedy: "Look at the log, then run the diagnostics once more.",
  });
}

function notNeeded(unit: string): NodeError {
  return new NodeError("FIX.NOT_NEEDED", `${unit} runs again by itself.`, { remedy: "Run the diagnostics once more." });
}

function splitOnce(id: string): [string, string] {
  const cut = id.indexOf(":");
  return cut < 0 ? [id, ""] : [id.slice(0, cut), id.slice(cut + 1)];
}
