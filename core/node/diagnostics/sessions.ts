import * as z from "zod";
import { plainLine } from "../plain-text.ts";
import { defineCheck, type Outcome } from "./check.ts";

const session = z.looseObject({ userUuid: z.string() });
const setting = z.looseObject({ value: z.string() });
/** From here on it is only a matter of time. */
const nearly = 0.9;
const mostSessions = 1000;

/** Accounts whose sessions have reached their number: the next log-in is refused. */
export const sessionsCheck = defineCheck({
  id: "sessions",
  area: "management",
  name: "SESSIONS",
  codes: ["SESSIONS.OK", "SESSIONS.FILLING", "SESSIONS.FULL"],
  async run(context) {
    if (context.role !== "management") return [];
    const [configs, sessions] = await Promise.all([
      context.ask("QueryGlobalConfig", { q: ["category=identity", "name=session.maxConcurrent"] }),
      context.ask("QuerySession", { limit: mostSessions }),
    ]);
    const limit = Number(z.array(setting).parse(configs.inventories)[0]?.value);
    if (!Number.isInteger(limit) || limit <= 0) return [];
    const counts = new Map<string, number>();
    const all = z.array(session).parse(sessions.inventories);
    for (const { userUuid } of all) counts.set(userUuid, (counts.get(userUuid) ?? 0) + 1);
    const found = [...counts]
      .filter(([, count]) => count >= limit * nearly)
      .map(([userUuid, count]): Outcome<"SESSIONS.FULL" | "SESSIONS.FILLING"> => {
        const isFull = count >= limit;
        const values = { account: plainLine(userUuid, 36), count: String(count), limit: String(limit) };
        return isFull
          ? { outcome: "failed", code: "SESSIONS.FULL", subject: userUuid, values }
          : { outcome: "warning", code: "SESSIONS.FILLING", subject: userUuid, values };
      });
    if (found.length > 0) return found;
    return [{ outcome: "passed", code: "SESSIONS.OK", values: { count: String(all.length) } }];
  },
});
