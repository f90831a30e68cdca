import type { CloudAtStake, Refusal, ServiceAction, ServiceImpact, StoreLook } from "../../core/model/service.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatBytes, formatDuration } from "../widgets/format.ts";
import type { Impact } from "../widgets/phrase.ts";
import { impactLines } from "./impact-lines.ts";

/** Virtual machines that are named one by one. */
const mostNames = 6;

/** Why it can't be done, and what to do, in the console's language. */
export function refusalText(t: Translate, { code, description, values }: Refusal): string {
  return t.find(`error.${code}`, values) ?? description;
}

/** Everything that a person should know before the phrase, the worst first. */
export function serviceImpactLines(t: Translate, impact: ServiceImpact, now: number): Impact[] {
  const { action, cloud, store, machineNames, limitSeconds } = impact;
  const names = machineNames ?? [];
  const [machines, ...others] = impactLines(t, impact, now);
  return [
    ...(action === "resetDrop" ? [{ text: t("service.danger"), style: "bad" } as const] : []),
    { text: t(`service.what.${action}`), style: action === "resetDrop" ? "bad" : "text" },
    ...(store === null ? [] : storeLines(t, store)),
    ...(action === "resetDrop" ? [{ text: t("service.drop.after"), style: "warn" } as const] : []),
    ...(cloud === null || action === "start" ? [] : cloudLines(t, action, cloud)),
    ...(machines === undefined ? [] : [machines]),
    ...(names.length === 0 ? [] : [{ text: t("service.names", { names: namesOf(t, names) }), style: "warn" } as const]),
    ...others,
    ...(store === null || store.state === "none" ? [] : [{ text: t("service.backupFirst"), style: "warn" } as const]),
    { text: t("service.limit", { duration: formatDuration(limitSeconds) }), style: "text" },
  ];
}

function namesOf(t: Translate, names: readonly string[], total = names.length): string {
  const shown = names.slice(0, mostNames);
  const more = total - shown.length;
  return more <= 0 ? shown.join(", ") : t("service.andMore", { shown: shown.join(", "), count: more });
}

/** What of the cloud is hit, and what becomes of it. */
function cloudLines(t: Translate, action: Exclude<ServiceAction, "start">, cloud: CloudAtStake): Impact[] {
  if (cloud.state === "stopped") return [{ text: t("service.cloud.stopped"), style: "text" }];
  if (cloud.state === "silent") return [{ text: t("service.cloud.silent", { why: cloud.why }), style: "bad" }];
  const drops = action === "resetDrop";
  const how = drops ? "drop" : action === "stop" ? "stop" : "again";
  const { hosts, machines, tasks } = cloud;
  const hit = (count: number): Style => (count === 0 ? "text" : drops ? "bad" : "warn");
  const names = namesOf(t, tasks.names, tasks.total);
  return [
    { text: t(`service.cloud.hosts.${how}`, hosts), style: hit(drops ? hosts.total : 0) },
    { text: t(`service.cloud.machines.${drops ? "drop" : "stay"}`, machines), style: hit(drops ? machines.total : 0) },
    tasks.total === 0
      ? { text: t("service.cloud.noTasks"), style: "text" }
      : { text: t(`service.cloud.tasks.${drops ? "drop" : "stop"}`, { total: tasks.total, names }), style: "bad" },
  ];
}

function storeLines(t: Translate, store: StoreLook): Impact[] {
  if (store.state === "none") return [{ text: t("service.store.none"), style: "text" }];
  const size = formatBytes(store.sizeBytes);
  const { keeping } = store;
  return [
    wholeLine(t, store, size),
    keeping.how === "noRoom"
      ? {
          text: t("service.store.noRoom", {
            needed: formatBytes(keeping.neededBytes),
            free: formatBytes(keeping.freeBytes),
          }),
          style: "bad",
        }
      : { text: t("service.store.kept", { to: keeping.to }), style: "text" },
  ];
}

function wholeLine(t: Translate, store: Exclude<StoreLook, { state: "none" }>, size: string): Impact {
  if (store.state === "open") return { text: t("service.store.open", { size }), style: "bad" };
  if (store.state === "unreadable")
    return { text: t("service.store.unreadable", { why: store.why, size }), style: "bad" };
  const { records, hosts, machines } = store;
  return { text: t("service.store.readable", { records, hosts, machines, size }), style: "bad" };
}
