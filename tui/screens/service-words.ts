import type { Refusal, ServiceImpact, StoreLook } from "../../core/model/service.ts";
import type { Translate } from "../i18n/catalogue.ts";
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
  const { action, store, machineNames, limitSeconds } = impact;
  const names = machineNames ?? [];
  const [machines, ...others] = impactLines(t, impact, now);
  return [
    ...(action === "resetDrop" ? [{ text: t("service.danger"), style: "bad" } as const] : []),
    { text: t(`service.what.${action}`), style: action === "resetDrop" ? "bad" : "text" },
    ...(store === null ? [] : storeLines(t, store)),
    ...(machines === undefined ? [] : [machines]),
    ...(names.length === 0 ? [] : [{ text: t("service.names", { names: namesOf(t, names) }), style: "warn" } as const]),
    ...others,
    { text: t("service.limit", { duration: formatDuration(limitSeconds) }), style: "text" },
  ];
}

function namesOf(t: Translate, names: readonly string[]): string {
  const shown = names.slice(0, mostNames).join(", ");
  const more = names.length - mostNames;
  return more <= 0 ? shown : t("service.andMore", { shown, count: more });
}

function storeLines(t: Translate, store: StoreLook): Impact[] {
  if (store.state === "none") return [{ text: t("service.store.none"), style: "text" }];
  const size = formatBytes(store.sizeBytes);
  const { keeping } = store;
  return [
    store.state === "readable"
      ? { text: t("service.store.readable", { records: store.records, size }), style: "bad" }
      : { text: t("service.store.unreadable", { why: store.why, size }), style: "bad" },
    keeping.how === "noRoom"
      ? {
          text: t("service.store.noRoom", {
            needed: formatBytes(keeping.neededBytes),
            free: formatBytes(keeping.freeBytes),
          }),
          style: "bad",
        }
      : { text: t("service.store.kept", { to: keeping.to }), style: "text" },
    { text: t("service.backupFirst"), style: "warn" },
  ];
}
