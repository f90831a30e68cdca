import { plainLine } from "../plain-text.ts";
import { defineCheck } from "./check.ts";

/** Whether the role that this node has is installed and passed its own check. Says nothing where none was recorded. */
export const roleCheck = defineCheck({
  id: "role",
  area: "node",
  name: "ROLE",
  codes: ["ROLE.OK", "ROLE.INSTALLING", "ROLE.FAILED"],
  async run(context) {
    const { role, roleStatus } = context.fact("identity");
    if (roleStatus === undefined) return [];
    const values = {
      role,
      step: plainLine(roleStatus.step ?? "-", 40),
      reason: plainLine(roleStatus.reason ?? "", 120),
    };
    if (roleStatus.state === "ready") return [{ outcome: "passed", code: "ROLE.OK", values }];
    return roleStatus.state === "failed"
      ? [{ outcome: "failed", code: "ROLE.FAILED", values }]
      : [{ outcome: "warning", code: "ROLE.INSTALLING", values }];
  },
});
