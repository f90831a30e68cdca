import * as z from "zod/mini";
import { agentAddress, bytes, count, line, uuid } from "../../model/cloud/fields.ts";
import { machineSpec } from "../machine-spec.ts";

/*
 * What hosts are told to move a running machine. The destination expects it, the source moves it; then either is asked
 * what it has, and what is left over is taken away. Both ends may be told any of it again, and in any state.
 */

/** 256 bits by chance; of them the destination keeps the SHA-256. */
const secret = z.string().check(z.regex(/^[\w-]{43}$/));
export const mostMigrationMs = 86_400_000;

const path = line(4096);
const renamed = z.strictObject({ from: path, to: path });
/** A volume on the source's own disks, as both hosts have it; and the image that it stands on, where that is named otherwise. */
const copiedDisk = z.strictObject({ from: path, to: path, backing: z.exactOptional(renamed) });
export type CopiedDisk = z.infer<typeof copiedDisk>;
/** A disk of the machine that is to be made, empty, for what comes. */
const newCopy = z.strictObject({ path, sizeBytes: bytes });
export type NewCopy = z.infer<typeof newCopy>;

export const migrationCommands = [
  /**
   * Lets one machine come from one host, and keeps its memory for it: until the token was used, `unexpectMachine`, or so
   * long. A definition that an earlier stay has left is forgotten. `copies`: its disks that come along. What an earlier
   * attempt has left of them is made anew; a file of anything else stays, and is refused.
   */
  z.strictObject({
    do: z.literal("expectMachine"),
    machine: machineSpec,
    sourceUuid: uuid,
    tokenHash: secret,
    aliveMs: z.int().check(z.positive(), z.maximum(mostMigrationMs)),
    copies: z.exactOptional(z.array(newCopy)),
  }),
  /** Expects it no more; a copy that has not begun to run there is removed, one that runs stays. */
  z.strictObject({ do: z.literal("unexpectMachine"), uuid }),
  /**
   * Moves a running machine to a host that expects it. When it is done, it runs there and nothing of it is here but the
   * files of `copies`: its disks that go along, without their snapshots. With those no lock keeps both hosts from going on
   * when what connects them breaks at the very end: the machine stands still there until this host has it no more, and
   * then is told to go on; where that word got lost, `resumeMachine` has to.
   */
  z.strictObject({
    do: z.literal("migrateMachine"),
    uuid,
    destination: z.strictObject({ hostUuid: uuid, address: agentAddress }),
    token: secret,
    /** Mebibytes a second; 0: as many as go. */
    bandwidth: count,
    copies: z.exactOptional(z.array(copiedDisk)),
  }),
  /** Ends a move from here that is under way, also one that a former agent has begun. It may be carried out beside it. */
  z.strictObject({ do: z.literal("cancelMigration"), uuid }),
  /** Removes what a move has left here of a machine that runs elsewhere. One that runs here stays: an error. */
  z.strictObject({ do: z.literal("dropMachine"), uuid }),
] as const;

/** Of a machine that is being moved. `in`: a copy that has not begun to run, and is no machine of this host yet. */
export const migrationMark = z.object({
  way: z.enum(["in", "out"]),
  percent: z.exactOptional(z.int().check(z.minimum(0), z.maximum(100))),
});
