import { NodeError } from "../../../model/error.ts";
import { answersWithin, enable, imageHas, must, type RoleStep, start } from "../step.ts";

const managerUnit = "binnacle-manager.service";
const backupTimer = "binnacle-backup.timer";
const managerProgram = "manager.js";
const proxyProgram = "console-proxy.js";
const proxyUnit = "binnacle-console-proxy.service";
const managerWithinMs = 60_000;
const noManager = { skip: "this image contains no manager" };

/** The embedded store lies below /var/lib/binnacle; the manager opens it, and must be the only one. */
const store: RoleStep = {
  id: "store",
  title: "Store",
  async run(context) {
    if (!(await imageHas(context, managerProgram))) return noManager;
    const folder = "/var/lib/binnacle/manager";
    await must(context, ["install", "--directory", "--mode=0700", folder], {
      code: "ROLE.STORE",
      what: `The store's folder ${folder} can't be made`,
      remedy: "Make room on, or repair, the file system of /var/lib/binnacle.",
    });
    return undefined;
  },
};

const manager: RoleStep = {
  id: "manager",
  title: "Manager",
  async run(context) {
    // Whatever the role, the console on a management node needs the agent.
    await start(context, "binnacle-agent.service");
    if (!(await imageHas(context, managerProgram))) return noManager;
    await enable(context, managerUnit);
    await enable(context, backupTimer);
    return undefined;
  },
};

const consoleProxy: RoleStep = {
  id: "console-proxy",
  title: "Console Proxy",
  async run(context) {
    if (!(await imageHas(context, managerProgram))) return noManager;
    if (!(await imageHas(context, proxyProgram))) return { skip: "the manager has the console proxy in it" };
    await enable(context, proxyUnit);
    return undefined;
  },
};

export const managementApiAnswers: RoleStep = {
  id: "management-api-answers",
  title: "Management API answers",
  async run(context) {
    if (!(await imageHas(context, managerProgram))) return noManager;
    if (await answersWithin(context, managerWithinMs, (signal) => context.world.managerAnswers(signal)))
      return undefined;
    throw new NodeError("ROLE.MANAGER", "The manager does not answer on https://localhost:8080.", {
      remedy: `See: journalctl -b -u ${managerUnit}`,
    });
  },
};

export const managementSteps: readonly RoleStep[] = [store, manager, consoleProxy];
