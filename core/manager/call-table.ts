import type { consoleActs } from "../console/access.ts";
import { type CallInput, cloudCallNames } from "../model/cloud/calls/index.ts";
import { unknownAccount } from "../model/cloud/operations.ts";
import { readGuestData } from "../orchestrator/calls/guest-data.ts";
import type { CallContext } from "../orchestrator/calls/handler.ts";
import { addImageStore } from "../orchestrator/calls/images.ts";
import { deciders } from "../orchestrator/calls/index.ts";
import { queryReaders, summary } from "../orchestrator/calls/readers.ts";
import type { Flows } from "../orchestrator/flow/flows.ts";
import type { HostDoor } from "../orchestrator/host-link.ts";
import type { HostPasswords } from "../orchestrator/hosts/host-passwords.ts";
import type { ImageStore } from "../orchestrator/images/image-store.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import type { Tx } from "../orchestrator/records.ts";
import type { Store } from "../store/store.ts";
import { acts } from "./acts.ts";
import type { CallTable } from "./dispatch.ts";
import { type MaintenanceOptions, maintenance } from "./maintenance.ts";

type TableParts = MaintenanceOptions & {
  flows: Flows;
  store: Store;
  mirror: Mirror;
  passwords: HostPasswords;
  door: HostDoor;
  version: string;
  consoles: ReturnType<typeof consoleActs>;
  images: ImageStore;
};

/** What carries out each call; a call of the table without it is a mistake that is found at the start. */
export function callTable(parts: TableParts): CallTable {
  const { flows, store, identity, mirror, passwords, door, version } = parts;
  const more = { ...acts(identity, mirror, passwords), ...maintenance(parts), ...parts.consoles };
  const calls = {
    ...Object.fromEntries(Object.entries(deciders).map(([name, decide]) => [name, { decide }])),
    ...Object.fromEntries(Object.entries(more).map(([name, act]) => [name, { act }])),
    ...queryReaders(store),
    LogInByAccount: {
      act: more.LogInByAccount,
      accountOf: ({ accountName }: CallInput<"LogInByAccount">) =>
        identity.isUserName(accountName) ? accountName : unknownAccount,
    },
    AddImageStoreBackupStorage: {
      act: (
        input: CallInput<"AddImageStoreBackupStorage">,
        context: CallContext,
        change: (decide: (tx: Tx) => object) => Promise<object>,
      ) => addImageStore(parts.images, mirror, input, context, change),
    },
    CancelTask: {
      decide: (tx, { uuid }: { uuid: string }) => {
        flows.cancel(tx, uuid);
        return { inventory: tx.need("Task", uuid) };
      },
    },
    GetHostFingerprint: {
      read: async ({ managementIp }: { managementIp: string }) => ({
        fingerprint: await door.fingerprint(managementIp),
      }),
    },
    GetVmGuestData: { read: ({ uuid }: { uuid: string }) => readGuestData(mirror, uuid) },
    GetVersion: { read: () => ({ product: "Binnacle", version, api: "v1" }) },
    IsReady: { read: () => ({ ready: !flows.lost.aborted }) },
    GetManagementSummary: { read: () => summary(mirror) },
    ValidateSession: {
      read: (_input: object, { token }) => {
        const { session, user } = identity.authenticate(token);
        return { session, user };
      },
    },
  } satisfies CallTable;
  const missing = cloudCallNames.filter((name) => !Object.hasOwn(calls, name));
  if (missing.length > 0) throw new Error(`Nothing carries out ${missing.join(", ")}.`);
  return calls;
}
