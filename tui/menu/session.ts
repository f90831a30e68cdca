import type { Client } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { errorText } from "../error-text.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Lines, Reply } from "./lines.ts";

/**
 * Asks for the root password and does something with its session, which lives no longer than that. Resolves to whether
 * the terminal is still there; whatever goes wrong is told on it.
 */
export async function withSession(
  lines: Lines,
  client: Client,
  t: Translate,
  act: () => Promise<boolean>,
): Promise<boolean> {
  lines.print(t("menu.passwordHidden"));
  const password = await lines.ask(t("password.label"), { secret: true });
  const given = lineOf(password);
  if (given === undefined) return stays(lines, t, password);
  try {
    client.token = (await client.call("openSession", { body: { password: given } })).token;
    return await act();
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    lines.print(errorText(t, error), ...(error.remedy === undefined ? [] : [error.remedy]));
    return true;
  } finally {
    await endSession(client);
  }
}

async function endSession(client: Client): Promise<void> {
  if (client.token === undefined) return;
  await client.call("closeSession", {}).catch(() => {
    // It ends by itself; and while the node goes down nobody may answer any more.
  });
  client.token = undefined;
}

/** What was typed; undefined when nothing was, which leaves everything as it is. */
export function lineOf(reply: Reply): string | undefined {
  return typeof reply === "object" && reply.line !== "" ? reply.line : undefined;
}

/** Says that nothing was done; whether the terminal is still there. */
export function stays(lines: Lines, t: Translate, reply: Reply): boolean {
  lines.print(t("menu.nothingDone"));
  return reply !== "gone";
}
