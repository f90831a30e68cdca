import { resolve } from "node:path";
import type { Comparison } from "../../core/backup/compare.ts";
import type { Standing } from "../../core/backup/place.ts";
import type { UnpackedBackup } from "../../core/backup/read.ts";
import { restoreBackup } from "../../core/backup/restore.ts";
import { NodeError } from "../../core/model/error.ts";
import { listed } from "../../core/model/quote.ts";
import { backUp, placeOf } from "./backup.ts";
import { type CtlExit, ctlExit } from "./command.ts";
import { readConfiguration } from "./settings.ts";
import {
  changeUnits,
  managerAnswers,
  managerUnit,
  requireAnswer,
  startManager,
  stopManager,
  unitState,
} from "./units.ts";
import type { CtlWorld } from "./world.ts";

const identityUnit = "binnacle-identity.service";

/** `restore_mysql`. @throws CTL.NO_TERMINAL, CTL.…, BACKUP.…, STORE.…, SYS.… */
export async function restore(world: CtlWorld, given: string, isYes: boolean): Promise<CtlExit> {
  const { voice } = world;
  const { configuration } = await readConfiguration(world.configurationFile);
  const { isDone, safety } = await restoreBackup(resolve(given), {
    ...placeOf(world, configuration),
    isRunning: () => isRunning(world),
    askBackup: () => backUp(world, configuration, null),
    stop: () => stopManager(world),
    start: () => startManager(world),
    authorityChanged: async () => {
      // It gives the node a certificate of this authority; the manager makes its own ones anew by itself.
      await changeUnits(world, "restart", [identityUnit]).catch((error: unknown) => {
        voice.warn(`${error instanceof Error ? error.message : ""} Afterwards: systemctl restart ${identityUnit}`);
      });
    },
    log: (line) => voice.say(line),
    confirm: async (told) => {
      for (const line of changeLines(told)) voice.say(line);
      if (isYes) return true;
      if (world.ask === undefined)
        throw new NodeError("CTL.NO_TERMINAL", "Nobody can be asked whether to restore; nothing was changed.", {
          remedy: "Give --yes when what was said above is wanted.",
        });
      return world.ask("Restore this backup, and lose what was done since? [y/N]");
    },
  });
  if (safety !== undefined) voice.say(`What was there is in ${safety}`);
  voice.say(isDone ? "Restored; the manager answers." : "Nothing was changed.");
  // What the records say of machines is old: see core/orchestrator/restored.ts.
  if (isDone) voice.say("Machines can be started once every host was asked what runs on it: zstack-cli -s QueryHost");
  return isDone ? ctlExit.done : ctlExit.failed;
}

/** One that is being started is waited for: its store is open already. */
async function isRunning(world: CtlWorld): Promise<boolean> {
  if (await managerAnswers(world)) return true;
  const { active } = await unitState(world, managerUnit);
  if (active !== "active" && active !== "reloading") return false;
  return requireAnswer(world).then(
    () => true,
    () => false,
  );
}

type Told = { chosen: UnpackedBackup; comparison: Comparison; standing: Standing };

function changeLines({ chosen, comparison, standing }: Told): string[] {
  const { manifest } = chosen;
  const at = new Date(manifest.madeAt).toISOString().replace("T", " ").replace(/\..*/, " UTC");
  return [
    `The backup was made ${at} on ${manifest.hostname} by version ${manifest.version}.`,
    `Its cloud: ${manifest.cloud?.name ?? "one without an authority"}`,
    ...standingLines(standing),
    ...tableLines(comparison),
    ...authorityLines(comparison),
  ];
}

function standingLines(standing: Standing): string[] {
  if (standing.state === "none") return ["This node has no store yet."];
  if (standing.state === "sound") return [];
  const kept = standing.kept === undefined ? "" : ` Its files are kept as ${standing.kept}.`;
  return [`What is there can't be read: ${standing.why}.${kept}`];
}

function tableLines({ kinds }: Comparison): string[] {
  if (kinds.length === 0) return ["Neither holds a resource of a cloud."];
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  const row = (kind: string, now: string, then: string) =>
    `  ${kind.padEnd(width)}${now.padStart(10)}${then.padStart(10)}`;
  return [
    "What changes:",
    row("", "now", "then"),
    ...kinds.map((each) => row(each.kind, String(each.now ?? "-"), String(each.after))),
  ];
}

function authorityLines({ authority, lostHosts, hosts }: Comparison): string[] {
  const lost = lostHosts.length === 0 ? [] : [`Hosts that are to be added again afterwards: ${listed(lostHosts, 20)}`];
  if (authority === "same") return ["The authority stays: hosts go on trusting this manager.", ...lost];
  if (authority === "absent") return ["The backup has no authority: the present one stays.", ...lost];
  const trusting = hosts.length === 0 ? [] : [`Hosts that trust it already: ${listed(hosts, 20)}`];
  return ["The authority of this node is replaced by that of the backup.", ...trusting, ...lost];
}
