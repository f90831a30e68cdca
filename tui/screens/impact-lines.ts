import type { Impact as NodeImpact } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { formatAge } from "../widgets/format.ts";
import type { Impact } from "../widgets/phrase.ts";

/** What a reboot, a power-off or a stop of services would hit, the worst first. */
export function impactLines(t: Translate, impact: NodeImpact, now: number): Impact[] {
  const { runningVirtualMachines: machines, haRole, storageQuorum, lastBackupAt, runningJobs, otherConsoles } = impact;
  const lines: Impact[] = [
    machines === null
      ? { text: t("power.vmsUnknown"), style: "warn" }
      : { text: t("power.vms", { count: machines }), style: machines > 0 ? "bad" : "text" },
  ];
  if (haRole !== null) lines.push({ text: t("power.ha", { role: t.find(`ha.${haRole}`) ?? haRole }), style: "warn" });
  if (storageQuorum !== null) lines.push({ text: t("power.quorum", { quorum: storageQuorum }), style: "warn" });
  lines.push({
    text: lastBackupAt === null ? t("power.noBackup") : t("power.backup", { age: formatAge(now - lastBackupAt) }),
    style: "text",
  });
  lines.push({ text: t("power.jobs", { count: runningJobs }), style: runningJobs > 0 ? "warn" : "text" });
  if (otherConsoles.length > 0)
    lines.push({ text: t("power.consoles", { names: otherConsoles.join(", ") }), style: "warn" });
  return lines;
}
