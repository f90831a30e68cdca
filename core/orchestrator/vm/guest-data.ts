import * as z from "zod/mini";
import type { MachineSpec } from "../../hypervisor/driver.ts";
import { hostName, sshPublicKeys, userData } from "../../model/cloud/guest-data.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Tx } from "../records.ts";
import type { Machine } from "./life.ts";
import { noteRest } from "./migration-record.ts";

/*
 * What cloud-init in a machine's guest is told. It stands in a record of its own, by the machine's uuid, for it may hold
 * passwords, and what everybody may query must not. A machine that nobody has given anything has no record, and no disk
 * for cloud-init.
 *
 * A guest must not see its disk change while it runs, nor a move come upon another one: what is changed meanwhile waits for
 * the next start, and until then `started` says what the machine was started with.
 */

/** What a person wants: `hostName` null: one of the machine's name. */
export type GuestWish = { userData: string | null; sshPublicKeys: string[]; hostName: string | null };
const nothing: GuestWish = { userData: null, sshPublicKeys: [], hostName: null };

const guestData = z.object({
  userData: z.nullable(userData),
  sshPublicKeys,
  /** Not the machine's present name: a later one must not change the guest's by itself. */
  hostName,
  isHostNameGiven: z.boolean(),
  /** Counts what cloud-init takes up for a new instance alone. */
  generation: z.int(),
});
type GuestData = z.infer<typeof guestData>;

/** `generation`: the last one that was given out. `started` is left out where it is the same. */
const guestRecord = z.object({
  generation: z.int(),
  wanted: z.nullable(guestData),
  started: z.exactOptional(z.nullable(guestData)),
});
type GuestRecord = z.infer<typeof guestRecord>;

/** A machine, and the host name that is made of its name. */
type Named = { uuid: string; nameAsHost: string };

/** Of a new machine. */
export function insertGuestData(tx: Tx, machine: Named, wish: GuestWish | undefined): void {
  const wanted = dataOf(wish ?? nothing, machine, 0);
  if (wanted !== null) write(tx, machine.uuid, { generation: 0, wanted });
}

/** A copy is told the same, but for its name. Its volumes are other ones, so its cloud-init finds a new instance. */
export function copyGuestData(tx: Tx, fromUuid: string, copy: Named): void {
  const wanted = read(tx, fromUuid)?.wanted ?? null;
  if (wanted !== null) insertGuestData(tx, copy, { ...wishOf(wanted), hostName: null });
}

/** What is changed is told from the next start on. `isNewInstance`: cloud-init takes it up in no other way. */
export function changeGuestData(
  tx: Tx,
  { uuid, nameAsHost, hostUuid }: Named & Pick<Machine, "hostUuid">,
  change: Partial<GuestWish>,
  isNewInstance: boolean,
): void {
  const before = read(tx, uuid) ?? { generation: -1, wanted: null };
  const old = before.wanted;
  const wish = { ...wishOf(old), ...change };
  if (JSON.stringify(wish) === JSON.stringify(wishOf(old))) return;
  const generation = before.generation + (isNewInstance || old === null ? 1 : 0);
  const wanted = dataOf(wish, { uuid, nameAsHost }, generation);
  const started = hostUuid === null ? {} : { started: before.started === undefined ? old : before.started };
  write(tx, uuid, { generation, wanted, ...started });
}

/** The machine is started anew, with all that is wanted. */
export function takeUpGuestData(tx: Tx, uuid: string): void {
  const found = read(tx, uuid);
  if (found?.started !== undefined) write(tx, uuid, { generation: found.generation, wanted: found.wanted });
}

/** A machine has left this host, which may have its disk, and with it passwords: it forgets the machine when it answers. */
export function noteSeedLeft(tx: Tx, uuid: string, hostUuid: string | null): void {
  if (hostUuid !== null && tx.get("GuestData", uuid) !== undefined) noteRest(tx, hostUuid, uuid);
}

export function forgetGuestData(tx: Tx, uuid: string): void {
  if (tx.get("GuestData", uuid) !== undefined) tx.delete("GuestData", uuid);
}

/** What a host is told. @throws VM.1060 */
export function seedOf(tx: Tx, { uuid, rootVolumeUuid }: Machine): Pick<MachineSpec, "seed"> {
  const data = presentOf(read(tx, uuid));
  if (data === null) return {};
  return {
    seed: {
      // Of the volume that cloud-init has its notes on: a copy, or a machine that was rebuilt, has another one.
      instanceId: `iid-${rootVolumeUuid ?? uuid}-${data.generation}`,
      hostName: data.hostName,
      sshPublicKeys: [...data.sshPublicKeys],
      ...(data.userData === null ? {} : { userData: data.userData }),
    },
  };
}

/**
 * Whether a host may be told something. `from` now on: what the machine was started with, and what it is told later. A
 * record that can't be read may say anything: whoever tells the host reports it.
 */
export function isSeeded(tx: Tx, uuid: string, from: "now" | "nextStart"): boolean {
  const value = tx.get("GuestData", uuid);
  if (value === undefined) return false;
  const { success, data } = guestRecord.safeParse(value);
  if (!success || data.wanted !== null) return true;
  return from === "now" && presentOf(data) !== null;
}

/** What DHCP calls the guest, so that both say the same; undefined when nothing was said. @throws VM.1060 */
export function guestLabelOf(tx: Tx, uuid: string): string | undefined {
  return presentOf(read(tx, uuid))?.hostName.split(".")[0];
}

/** As people may see it. `isWaiting`: the machine runs with something else until its next start. @throws VM.1060 */
export function shownGuestData(tx: Tx, uuid: string) {
  const found = read(tx, uuid);
  const wanted = found?.wanted ?? null;
  return {
    vmInstanceUuid: uuid,
    hostName: wanted?.hostName ?? null,
    sshPublicKeys: [...(wanted?.sshPublicKeys ?? [])],
    userDataBytes: wanted?.userData == null ? null : Buffer.from(wanted.userData, "base64").length,
    isWaiting: found?.started !== undefined && JSON.stringify(found.started) !== JSON.stringify(wanted),
  };
}

function presentOf(found: GuestRecord | undefined): GuestData | null {
  return (found?.started === undefined ? found?.wanted : found.started) ?? null;
}

function wishOf(data: GuestData | null): GuestWish {
  if (data === null) return nothing;
  return { ...data, sshPublicKeys: [...data.sshPublicKeys], hostName: data.isHostNameGiven ? data.hostName : null };
}

/** null: nothing is wanted. */
function dataOf(wish: GuestWish, { nameAsHost }: Named, generation: number): GuestData | null {
  const { userData: content, sshPublicKeys: keys, hostName: given } = wish;
  if (content === null && keys.length === 0 && given === null) return null;
  const name = { hostName: given ?? nameAsHost, isHostNameGiven: given !== null };
  return { userData: content, sshPublicKeys: keys, ...name, generation };
}

function write(tx: Tx, uuid: string, record: GuestRecord): void {
  tx.put("GuestData", uuid, record);
}

function read(tx: Tx, uuid: string): GuestRecord | undefined {
  const value = tx.get("GuestData", uuid);
  if (value === undefined) return;
  const found = guestRecord.safeParse(value);
  if (found.success) return found.data;
  const details = "The manager's record of it is damaged, or of a newer version.";
  const remedy = "Restore a backup, or copy the machine's volumes into a new one.";
  const where = `VmInstance ${shown(tx.peek("VmInstance", uuid)?.name ?? uuid)}`;
  throw new CloudError(refusalOf("VM.1060", { where, details, remedy }));
}
