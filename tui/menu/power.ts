import type { Client } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { type PowerAction, powerPhrase } from "../../core/model/records.ts";
import { errorText } from "../error-text.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Lines, Reply } from "./lines.ts";
import { impactLines } from "./pages.ts";

/**
 * Reboots or powers off: the root password, what it would hit, and the word to type. The session lives no longer than
 * that. Resolves to whether the terminal is still there; whatever goes wrong is told on it.
 */
export async function offerPower(lines: Lines, client: Client, t: Translate, action: PowerAction): Promise<boolean> {
  lines.print("", t(`power.question.${action}`), t("menu.passwordHidden"));
  const password = await lines.ask(t("password.label"), { secret: true });
  const given = lineOf(password);
  if (given === undefined) return stays(lines, t, password);
  try {
    client.token = (await client.call("openSession", { body: { password: given } })).token;
    return await confirm(lines, client, t, action);
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    lines.print(errorText(t, error), ...(error.remedy === undefined ? [] : [error.remedy]));
    return true;
  } finally {
    await endSession(client);
  }
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

async function endSession(client: Client): Promise<void> {
  if (client.token === undefined) return;
  await client.call("closeSession", {}).catch(() => {
    // It ends by itself; and while the node goes down nobody may answer any more.
  });
  client.token = undefined;
}

/** What was typed; undefined when nothing was, which leaves everything as it is. */
function lineOf(reply: Reply): string | undefined {
  return typeof reply === "object" && reply.line !== "" ? reply.line : undefined;
}

function stays(lines: Lines, t: Translate, reply: Reply): boolean {
  lines.print(t("menu.nothingDone"));
  return reply !== "gone";
}
