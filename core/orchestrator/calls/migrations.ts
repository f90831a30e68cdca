import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import { requireAllSeen } from "../hosts/unseen.ts";
import type { Tx } from "../records.ts";
import { requireNoSnapshots } from "../vm/copied-volumes.ts";
import { begin, type Machine } from "../vm/life.ts";
import type { MigrateData } from "../vm/migrate.ts";
import type { MigrateColdData } from "../vm/migrate-cold.ts";
import { requireMovable } from "../vm/move-request.ts";
import type { DecidersOf } from "./handler.ts";

/* Migration of machines: of one that runs as it runs, of a stopped one in the records. */

function requireElsewhere(tx: Tx, { name, hostUuid, lastHostUuid }: Machine, wantedUuid: string | null): void {
  if (wantedUuid === null) return;
  const { name: host } = tx.need("Host", wantedUuid, "hostUuid");
  if ((hostUuid ?? lastHostUuid) !== wantedUuid) return;
  const details = `${shown(name)} is on ${shown(host)}.`;
  const remedy = "Name another host, or none: then the manager chooses.";
  throw new CloudError(refusalOf("VM.1031", { where: "hostUuid", details, remedy }));
}

export const migrationDeciders = {
  MigrateVm: (tx, { uuid, hostUuid: wantedUuid = null }, context) => {
    const holder = context.newUuid();
    const before = tx.need("VmInstance", uuid);
    const isCold = before.state === "Stopped";
    const machine = begin(tx, uuid, isCold ? "migrateCold" : "migrateLive", holder);
    requireElsewhere(tx, before, wantedUuid);
    const { name, lastHostUuid, hostUuid } = machine;
    const what = { call: "MigrateVm", name: `Migrate machine ${shown(name)}`, resourceUuid: uuid } as const;
    if (isCold) {
      requireAllSeen(tx, name);
      requireMovable(tx, before);
      const data: MigrateColdData = { vmUuid: uuid, holder, wantedUuid, sourceUuid: lastHostUuid };
      return { task: context.startTask(tx, { ...what, flow: "migrateVmCold", data }, context) };
    }
    if (hostUuid === null) throw new Error(`${uuid} runs on no host.`);
    requireNoSnapshots(tx, before);
    const data: MigrateData = {
      vmUuid: uuid,
      holder,
      wantedUuid,
      sourceUuid: hostUuid,
      bandwidth: context.settings.number("kvm.vm.migrationBandwidth"),
      timeoutMs: context.settings.number("kvm.vm.migrationTimeout") * 1000,
    };
    return { task: context.startTask(tx, { ...what, flow: "migrateVm", data }, context) };
  },
} satisfies DecidersOf<"MigrateVm">;
