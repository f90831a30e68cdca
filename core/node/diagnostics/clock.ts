import type { Missing } from "../../model/reading.ts";
import { defineCheck } from "./check.ts";
import { list, seconds } from "./format.ts";

/** Source: diagnostics.md, "clock out of sync by more than 1 s". */
const limitSeconds = 1;
const noDaemon: readonly Missing["code"][] = ["notRunning", "notInstalled", "notConfigured"];

/** Whether somebody keeps the clock right, and how well. */
export const clockCheck = defineCheck({
  id: "clock",
  area: "node",
  name: "CLOCK",
  codes: ["CLOCK.OK", "CLOCK.NO_DAEMON", "CLOCK.NO_SERVER", "CLOCK.NO_ANSWER", "CLOCK.NOT_IN_SYNC", "CLOCK.OFF"],
  async run(context) {
    const reading = context.facts.clock;
    if (reading.state === "missing" && noDaemon.includes(reading.why.code))
      return [{ outcome: "failed", code: "CLOCK.NO_DAEMON" }];
    const { daemon, inSync, source, offsetSeconds, servers } = context.fact("clock");
    const values = {
      source: source ?? daemon,
      servers: list(servers),
      offset: offsetSeconds === null ? "-" : seconds(offsetSeconds),
      limit: seconds(limitSeconds),
    };
    if (offsetSeconds !== null && Math.abs(offsetSeconds) > limitSeconds) {
      const fix = daemon === "chrony" && source !== null ? { fix: "step-clock" } : {};
      return [{ outcome: "failed", code: "CLOCK.OFF", values, ...fix }];
    }
    if (inSync) return [{ outcome: "passed", code: "CLOCK.OK", values }];
    if (servers.length === 0) return [{ outcome: "failed", code: "CLOCK.NO_SERVER", values }];
    if (source === null) return [{ outcome: "failed", code: "CLOCK.NO_ANSWER", values }];
    return [{ outcome: "warning", code: "CLOCK.NOT_IN_SYNC", values }];
  },
});
