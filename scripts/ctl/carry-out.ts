import { type CtlRequest, UsageError } from "./arguments.ts";
import { type CtlExit, ctlExit } from "./command.ts";
import { explanations } from "./explain.ts";
import type { CtlWorld } from "./world.ts";

/* Each command loads what it needs: the store and its like are not read for a look at the status. */

/** @throws UsageError, NodeError */
export async function carryOut(world: CtlWorld, request: CtlRequest, signal: AbortSignal): Promise<CtlExit> {
  const { command, options, words } = request;
  if (command === null) throw new UsageError("Give a command.");
  const explanation = explanations[command.name];
  if (explanation !== undefined) {
    for (const line of explanation) world.voice.say(line);
    return ctlExit.failed;
  }
  switch (command.name) {
    case "status":
      await (await import("./status.ts")).status(world);
      return ctlExit.done;
    case "ui_status":
      await (await import("./status.ts")).uiStatus(world);
      return ctlExit.done;
    case "start":
    case "stop":
    case "restart_node":
    case "start_ui":
    case "stop_ui":
      await (await import("./service.ts")).service(world, command.name);
      return ctlExit.done;
    case "dump_mysql":
      await (await import("./backup.ts")).dump(world, options, signal);
      return ctlExit.done;
    case "restore_mysql":
      return (await import("./restore.ts")).restore(world, options.get("file") ?? "", options.has("yes"));
    case "collect_log":
      await (await import("./logs.ts")).collectLogs(world, options.get("range"));
      return ctlExit.done;
    case "diagnose":
      return (await import("./agent.ts")).diagnose(world);
    case "show_configuration":
      await (await import("./settings.ts")).showConfiguration(world);
      return ctlExit.done;
    case "configure":
      await (await import("./settings.ts")).configure(world, words);
      return ctlExit.done;
    case "change_ip":
      await (await import("./settings.ts")).changeIp(world, options.get("ip") ?? "");
      return ctlExit.done;
    case "reset_password":
      return (await import("./password.ts")).resetPassword(world, options.has("yes"));
    default:
      throw new Error(`Nothing carries out ${command.name}.`);
  }
}
