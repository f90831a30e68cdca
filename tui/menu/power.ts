import type { Client } from "../../core/api/client.ts";
import { type PowerAction, powerPhrase } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Lines } from "./lines.ts";
import { impactLines } from "./pages.ts";
import { lineOf, stays, withSession } from "./session.ts";

/**
 * Reboots or powers off: the root password, what it would hit, and the word to type. Resolves to whether the terminal
 * is still there; whatever goes wrong is told on it.
 */
export function offerPower(lines: Lines, client: Client, t: Translate, action: PowerAction): Promise<boolean> {
  lines.print("", t(`power.question.${action}`));
  return withSession(lines, client, t, () => confirm(lines, client, t, action));
}

async function confirm(lines: Lines, client: Client, t: Translate, action: PowerAction): Promise<boolean> {
  const impact = await client.call("powerImpact", {});
  const phrase = powerPhrase[action];
  lines.print("", ...impactLines(t, impact, Date.now()), "");
  const typed = await lines.ask(t("menu.typePhrase", { phrase }));
  const line = lineOf(typed);
  if (line === undefined) return stays(lines, t, typed);
  if (line !== phrase) {
    lines.print(t("widget.phrase.wrong", { phrase }));
    return true;
  }
  await client.call("power", { body: { action, phrase } });
  const { mode } = await client.call("status", {});
  lines.print(t(mode === "preview" ? "power.previewDone" : `power.going.${action}`));
  return true;
}
