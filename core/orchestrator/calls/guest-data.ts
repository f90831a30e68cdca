import type { CallOutput } from "../../model/cloud/calls/index.ts";
import type { Mirror } from "../mirror.ts";
import { Tx } from "../records.ts";
import { changeGuestData, type GuestWish, shownGuestData } from "../vm/guest-data.ts";
import { begin, end } from "../vm/life.ts";
import { hostNameOf } from "../vm/nic.ts";
import type { CallContext, DecidersOf } from "./handler.ts";

/* What cloud-init in a machine's guest is told is changed at once on the record; the guest is told at its next start. */

type Change = "setUserData" | "setSshKey" | "setHostname";

function changed(tx: Tx, uuid: string, operation: Change, { newUuid }: CallContext, change: Partial<GuestWish>) {
  const holder = newUuid();
  const machine = begin(tx, uuid, operation, holder);
  const { hostUuid } = machine;
  // A host name is taken up at each boot; the rest only by an instance that cloud-init does not know.
  const named = { uuid, hostUuid, nameAsHost: hostNameOf(machine, null) };
  changeGuestData(tx, named, change, operation !== "setHostname");
  const inventory = end(tx, { vmUuid: uuid, holder }, "done");
  if (inventory === undefined) throw new Error("A machine is gone by a change of what its guest is told.");
  return { inventory };
}

export const guestDataDeciders = {
  SetVmUserData: (tx, { uuid, userData }, context) => changed(tx, uuid, "setUserData", context, { userData }),
  DeleteVmUserData: (tx, { uuid }, context) => changed(tx, uuid, "setUserData", context, { userData: null }),
  SetVmSshKey: (tx, { uuid, sshPublicKeys }, context) => changed(tx, uuid, "setSshKey", context, { sshPublicKeys }),
  DeleteVmSshKey: (tx, { uuid }, context) => changed(tx, uuid, "setSshKey", context, { sshPublicKeys: [] }),
  SetVmHostname: (tx, { uuid, hostName }, context) => changed(tx, uuid, "setHostname", context, { hostName }),
  DeleteVmHostname: (tx, { uuid }, context) => changed(tx, uuid, "setHostname", context, { hostName: null }),
} satisfies DecidersOf<
  "SetVmUserData" | "DeleteVmUserData" | "SetVmSshKey" | "DeleteVmSshKey" | "SetVmHostname" | "DeleteVmHostname"
>;

export function readGuestData(mirror: Mirror, uuid: string): CallOutput<"GetVmGuestData"> {
  const tx = new Tx(mirror, 0);
  tx.need("VmInstance", uuid);
  return { inventory: shownGuestData(tx, uuid) };
}
