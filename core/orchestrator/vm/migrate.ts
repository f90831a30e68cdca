import { createHash, randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { observeVm } from "../../model/cloud/vm-life.ts";
import { shown } from "../../model/quote.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { commandFor } from "../hosts/protocol.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import { unlessCancelled } from "../images/world.ts";
import type { Tx } from "../records.ts";
import { hostLost, taskCancelling } from "../tasks.ts";
import type { Round } from "./allocator.ts";
import { bringImages, withFileSizes } from "./copied-images.ts";
import { type CopiedVolume, copiedDisks, newCopies } from "./copied-volume.ts";
import { copiedVolumes, noteImages } from "./copied-volumes.ts";
import { end, type Held, isHolder, lifeOf, type Machine, settled as settledRecord } from "./life.ts";
import { forgetMigration, migrationOf, noteRest } from "./migration-record.ts";
import { moveRequest } from "./move-request.ts";
import { type Between, type Fact, type Settled, settle } from "./settle.ts";
import { machineSpec } from "./spec.ts";
import { noteVolumeRests } from "./volume-rests.ts";
import { held, hostOf, look, lostHold, tell, type VmWorld } from "./work.ts";

/** `wantedUuid`: the host that somebody has named. `destinationUuid`: the one that was chosen. */
export type MigrateData = Held & {
  wantedUuid: string | null;
  sourceUuid: string;
  destinationUuid?: string;
  /** Opens the destination for this move, once; goes with the flow's record when the task ends. */
  token?: string;
  /** Mebibytes a second; 0: no limit. */
  bandwidth: number;
  timeoutMs: number;
  where?: Settled;
  rests?: string[];
};

/** Between two looks how far it is. */
const lookMs = 1_000;
/** However long a slow line takes for an image: each of its pieces ends in bounded time. */
const longestBringMs = 7 * 86_400_000;
/** How much longer than the move itself the destination waits. */
const graceMs = 120_000;

/**
 * Moves a running machine. However it ends, and whoever dies in the middle: both hosts are asked what they have, and the
 * record follows that. While one that could have it does not answer, the machine is Unknown and nothing begins with it.
 */
export function migrateVmFlow(world: VmWorld, carrier: ImageCarrier): Flow<MigrateData> {
  return {
    name: "migrateVm",
    steps: [
      {
        name: "allocate",
        title: "Choosing a host",
        cancellable: true,
        async run(data) {
          let destinationUuid = "";
          await world.allocator.allocate((tx, round) => {
            destinationUuid = placeElsewhere(tx, round, data);
          });
          return { data: { destinationUuid, token: randomBytes(32).toString("base64url") } };
        },
        // Its record goes with the hooks: until then the machine may be on either host.
      },
      {
        name: "prepare",
        title: "Announcing the machine to its new host",
        cancellable: true,
        timeoutMs: longestBringMs,
        async run(data, env) {
          const { sourceUuid, destinationUuid } = betweenOf(data);
          const copies = copiesOf(world, data);
          const way = { vmUuid: data.vmUuid, copies, sourceUuid, destinationUuid };
          const bringing = (signal: AbortSignal) => bringImages({ world, carrier }, way, env, signal).then(() => true);
          if ((await unlessCancelled(world, env, bringing)) === undefined) return undefined;
          const asTheyAre = await withFileSizes(world, copies, sourceUuid, env.signal);
          const machine = machineSpec(look(world), held(world, data));
          const tokenHash = createHash("sha256").update(tokenOf(data)).digest("base64url");
          const aliveMs = data.timeoutMs + graceMs;
          const announced = { do: "expectMachine", machine, sourceUuid, tokenHash, aliveMs } as const;
          await tell(world, hostOf(world, destinationUuid), { ...announced, ...newCopies(asTheyAre) }, env);
          return undefined;
        },
        undo: (data, env) => takenBack(world, data, env),
      },
      {
        name: "move",
        title: "Moving the machine",
        cancellable: true,
        timeoutMs: 86_400_000,
        run: (data, env) => moved(world, data, env),
        undo: (data, env) => takenBack(world, data, env),
      },
      {
        // Its place is where a cancellation is obeyed that came while the machine was moved.
        name: "end",
        title: "Noting where the machine is",
        cancellable: true,
        run: async () => undefined,
      },
    ],
    succeeded: (tx, data) => conclude(tx, data, data.where ?? { at: "unknown" }),
    failed: (tx, data, _error, { notUndone }) => {
      // Before it was announced, nothing of it was elsewhere.
      const untold: Settled =
        notUndone.length > 0 ? { at: "unknown" } : { at: "source", seen: "running", resumes: false };
      conclude(tx, data, data.where ?? untold);
    },
    result: ({ vmUuid, destinationUuid = null }) => ({ vmInstanceUuid: vmUuid, hostUuid: destinationUuid }),
  };
}

function betweenOf({ vmUuid, sourceUuid, destinationUuid }: MigrateData): Between {
  if (destinationUuid === undefined) throw new Error(`${vmUuid} has no destination.`);
  return { vmUuid, sourceUuid, destinationUuid };
}

function copiesOf(world: VmWorld, { vmUuid }: MigrateData): CopiedVolume[] {
  return migrationOf(look(world), vmUuid)?.copies ?? [];
}

function tokenOf({ vmUuid, token }: MigrateData): string {
  if (token === undefined) throw new Error(`There is no token for ${vmUuid}.`);
  return token;
}

function placeElsewhere(tx: Tx, round: Round, data: MigrateData): string {
  const { vmUuid, holder, wantedUuid, sourceUuid } = data;
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  // A manager has ended between this and the note that it is done.
  const before = migrationOf(tx, vmUuid);
  if (before !== undefined) return before.destinationUuid;
  const { hostUuid: destinationUuid } = round.place(moveRequest(tx, machine, { sourceUuid, wantedUuid, isLive: true }));
  const { cpuNum, memorySize } = machine;
  const copies = copiedVolumes(tx, vmUuid);
  noteImages(tx, vmUuid, copies, { sourceUuid, destinationUuid });
  tx.put(
    "Migration",
    vmUuid,
    { sourceUuid, destinationUuid, cpuNum, memorySize, copies, holder, taskUuid: null },
    true,
  );
  return destinationUuid;
}

async function moved(world: VmWorld, data: MigrateData, env: FlowEnv) {
  const machine = held(world, data);
  const between = betweenOf(data);
  const failure = await sent(world, data, env).catch((error: unknown) => {
    env.signal.throwIfAborted();
    return { error };
  });
  const { rests, ...found } = await settle(world, between, env, failure === undefined);
  // The source has seen it go, and the destination was lost at that moment. One with volumes may stand still there.
  const isSent = failure === undefined && found.at === "unknown" && copiesOf(world, data).length === 0;
  const where: Settled = isSent ? { at: "destination", seen: "running" } : found;
  if (where.at === "destination") return { data: { where, rests }, isTooLateToCancel: true };
  const isCancelling = look(world).get("Task", env.task)?.state === "Cancelling";
  if (where.at === "source" && isCancelling) return { data: { where, rests } };
  throw notMigrated(world, machine, between, where, failure?.error);
}

/** Has the source send it. Resolves when it says that it is done; ends soon when a host is lost, or the task is cancelled. */
async function sent(world: VmWorld, data: MigrateData, env: FlowEnv): Promise<undefined> {
  const { mirror } = world.records;
  const { vmUuid: uuid, sourceUuid, destinationUuid } = betweenOf(data);
  const [source, destination] = [hostOf(world, sourceUuid), hostOf(world, destinationUuid)];
  const over = new AbortController();
  const until = AbortSignal.any([env.signal, over.signal]);
  const cancel = async () => {
    const id = `${env.commandId}.stop.${env.epoch}`;
    const how = { id, flow: env.task, epoch: env.epoch, timeoutMs: 60_000, signal: until };
    await world.link.command(source, { do: "cancelMigration", uuid }, how);
  };
  void Promise.race([taskCancelling(mirror, env.task, until), hostLost(mirror, destinationUuid, until)])
    .then(cancel)
    .catch(() => undefined);
  void followed(world, data, env, until).catch(() => undefined);
  const to = { hostUuid: destinationUuid, address: destination.managementIp };
  const command = {
    do: "migrateMachine",
    uuid,
    destination: to,
    token: tokenOf(data),
    bandwidth: data.bandwidth,
    ...copiedDisks(copiesOf(world, data)),
  } as const;
  const how = { id: env.commandId, flow: env.task, epoch: env.epoch, timeoutMs: data.timeoutMs, signal: until };
  const lost = hostLost(mirror, sourceUuid, until).then(() => {
    throw silent(source.name);
  });
  lost.catch(() => undefined);
  try {
    await Promise.race([world.link.command(source, commandFor(source, command), how), lost]);
  } finally {
    over.abort(new Error("The move has ended."));
  }
  return undefined;
}

/** Puts how far it is into the task. */
async function followed(world: VmWorld, { vmUuid, sourceUuid }: MigrateData, env: FlowEnv, until: AbortSignal) {
  // The share of the steps before, and that of this one.
  const [from, share] = [50, 0.25];
  let told = from;
  for (;;) {
    await pause(lookMs, undefined, { signal: until });
    const machines = await world.link.machines(hostOf(world, sourceUuid), until).catch(() => []);
    const percent = machines.find(({ uuid }) => uuid === vmUuid)?.migration?.percent ?? 0;
    const progress = from + Math.floor(share * percent);
    until.throwIfAborted();
    if (progress <= told) continue;
    told = progress;
    await world.records.change((tx) => {
      if (tx.get("Task", env.task)?.endDate === null && tx.get("Flow", env.task)?.["step"] === "move")
        tx.update("Task", env.task, { progress });
    });
  }
}

async function takenBack(world: VmWorld, data: MigrateData, env: FlowEnv) {
  const { rests, ...where } = await settle(world, betweenOf(data), env);
  return { data: { where, rests } };
}

/** Puts the machine where it is, and ends its operation; unknown: it stays with both until they have been asked. */
export function conclude(
  tx: Tx,
  data: Held & Pick<MigrateData, "sourceUuid" | "destinationUuid" | "rests">,
  where: Settled,
) {
  const { vmUuid, sourceUuid, destinationUuid, rests = [] } = data;
  const machine = tx.get("VmInstance", vmUuid);
  // Something else has ended it: the records were restored, and all hosts are asked what they have.
  if (machine === undefined || machine.operation === null || !isHolder(tx, vmUuid, data.holder)) {
    // Another task may move it by now.
    const found = migrationOf(tx, vmUuid);
    if (machine === undefined || found === undefined || found.holder === null || found.holder === data.holder)
      forgetMigration(tx, vmUuid);
    return;
  }
  if (where.at === "unknown" || where.at === "both") {
    end(tx, data, "lost");
    return;
  }
  noteFiles(tx, vmUuid, where.at);
  forgetMigration(tx, vmUuid);
  for (const hostUuid of rests) noteRest(tx, hostUuid, vmUuid);
  const isThere = where.at === "destination" && destinationUuid !== undefined;
  const moved = isThere ? { hostUuid: destinationUuid, lastHostUuid: sourceUuid } : {};
  // What its host has seen meanwhile was left to this end.
  const onIt = tx.get("Host", isThere ? destinationUuid : sourceUuid);
  const isLost = where.seen === "silent" || (where.seen !== "none" && onIt?.status !== "Connected");
  const now = end(tx, data, isLost ? "lost" : isThere ? "done" : "failed", moved);
  if (now !== undefined && !isLost) follow(tx, now, where.seen);
}

/** What one of the two hosts has of its volumes from now on is one too many. */
export function noteFiles(tx: Tx, vmUuid: string, at: "source" | "destination"): void {
  const migration = migrationOf(tx, vmUuid);
  if (migration === undefined) return;
  const { sourceUuid, destinationUuid, copies } = migration;
  noteVolumeRests(tx, at === "source" ? destinationUuid : sourceUuid, copies);
}

/** The machine as its host has it. */
export function follow(tx: Tx, machine: Machine, seen: Fact): void {
  if (seen === "silent") return;
  const outcome = observeVm(machine.name, lifeOf(machine), seen === "none" ? "stopped" : seen);
  if (outcome.done) tx.update("VmInstance", machine.uuid, settledRecord(machine, outcome.next));
}

function silent(name: string): CloudError {
  const details = `${shown(name)} was lost while it sent the machine.`;
  const remedy = "Look at the host's agent and network.";
  return new CloudError(refusalOf("HOST.1010", { where: `Host ${shown(name)}`, details, remedy }));
}

const atSource: Record<Fact, string> = {
  running: "It goes on on SOURCE.",
  paused: "It stands still on SOURCE, and can be resumed there.",
  none: "It does not run any more.",
  silent: "If it runs, then on SOURCE, which does not answer: it is Unknown until it does.",
};

function notMigrated(world: VmWorld, { name }: Machine, between: Between, where: Settled, cause: unknown): CloudError {
  const tx = look(world);
  const nameOf = (uuid: string) => shown(tx.get("Host", uuid)?.name ?? uuid);
  const [source, destination] = [nameOf(between.sourceUuid), nameOf(between.destinationUuid)];
  const stays: Record<Settled["at"], string> = {
    source: where.at === "source" ? atSource[where.seen].replace("SOURCE", source) : "",
    destination: `It is on ${destination}.`,
    unknown: `It may be on ${source} or on ${destination}, and is Unknown until both have been asked.`,
    both: `It runs on ${source} and on ${destination}: switch it off on one of them at once.`,
  };
  const details = `${shown(name)} could not be moved from ${source} to ${destination}. ${stays[where.at]}`;
  const remedy = "See the cause, and the logs of the agents and of libvirt on both hosts; then migrate it again.";
  return new CloudError(refusalOf("HOST.1009", { where: `VmInstance ${shown(name)}`, details, remedy }), cause);
}
