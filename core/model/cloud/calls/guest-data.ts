import * as z from "zod/mini";
import { say, uuid } from "../fields.ts";
import { hostName, sshPublicKeys, userData } from "../guest-data.ts";
import { action, type CloudCall, onlyUuid, pathOf } from "./call.ts";

/* What cloud-init in a machine's guest is told. */

const userDataField = say(
  userData,
  "For cloud-init in the guest, as base64 in one line: 16 KiB at most before it is base64. It is never shown again.",
);
const keysField = say(
  sshPublicKeys,
  "Public keys for the guest's first user, each TYPE BASE64 COMMENT; 20 at most. cloud-init writes them there.",
);
const hostNameField = say(
  hostName,
  "What the guest is called, in lower case, with or without a domain; 64 characters at most.",
);

/** Of a new machine. */
export const guestDataFields = {
  userData: z.optional(userDataField),
  sshPublicKeys: z.optional(keysField),
  hostName: z.optional(hostNameField),
};

const taking = "and is taken up by cloud-init at its next start, as in a new instance";

function withdrawal<P extends string>(verb: P, summary: string) {
  return { ...action("VmInstance", verb, summary, {}), method: "DELETE" } as const satisfies CloudCall;
}

export const guestDataCalls = {
  SetVmUserData: action(
    "VmInstance",
    "user-data",
    `Gives a machine other user data; it replaces what there was, ${taking}.`,
    {
      userData: userDataField,
    },
  ),
  DeleteVmUserData: withdrawal("user-data", "Takes a machine's user data away, from its next start on."),
  SetVmSshKey: action(
    "VmInstance",
    "ssh-keys",
    `Gives a machine other public keys; they replace all that it had, ${taking}.`,
    {
      sshPublicKeys: keysField,
    },
  ),
  DeleteVmSshKey: withdrawal(
    "ssh-keys",
    "Gives a machine's guest no public keys any more; those that it has it keeps.",
  ),
  SetVmHostname: action("VmInstance", "hostname", "Says what a machine's guest is called, from its next start on.", {
    hostName: hostNameField,
  }),
  DeleteVmHostname: withdrawal(
    "hostname",
    "Calls a machine's guest by the machine's name again, from its next start on.",
  ),
  GetVmGuestData: {
    summary: "Shows what cloud-init in a machine is told; of user data only how much there is.",
    method: "GET",
    path: `${pathOf("VmInstance")}/:uuid/guest-data`,
    access: "session",
    mode: "read",
    input: z.strictObject(onlyUuid),
    output: z.strictObject({
      inventory: z.strictObject({
        vmInstanceUuid: uuid,
        /** null: nothing was given, and the guest has no disk for cloud-init. */
        hostName: z.nullable(hostName),
        sshPublicKeys,
        /** null: none. */
        userDataBytes: z.nullable(z.int()),
        /** The machine runs with something else until its next start. */
        isWaiting: z.boolean(),
      }),
    }),
    resource: "VmInstance",
  },
} as const satisfies Record<string, CloudCall>;
