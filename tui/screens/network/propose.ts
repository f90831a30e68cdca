import { NodeError } from "../../../core/model/error.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import type { NetworkPlan } from "../../../core/model/network/transaction.ts";
import { reasonAndRemedy } from "../../network-words.ts";
import type { Control, Screen } from "../screen.ts";
import { planScreen } from "./plan.ts";
import { problemSentence } from "./problem-words.ts";
import { problemsScreen } from "./problems.ts";
import { openRunning } from "./running.ts";

export type Proposal = {
  operations: readonly NetworkOperation[];
  /** Says why it can't be; `field` is the path in the configuration that is to blame. A notice when absent. */
  refuse?: (sentence: string, field: string) => void;
  /** The screen that asks: it has done its work once the change is kept. One that stays leaves it out. */
  from?: Screen;
};

/** Screens that wait for a plan, or else their consoles: a key that comes once more asks for no second one. */
const asking = new WeakSet<Screen | Control>();

/**
 * The one way in which any screen changes the network: what the operations would do is asked for and shown, Y begins
 * it, and it has to be kept before its time is up. Nothing is changed by asking. A console that was locked meanwhile
 * shows nothing of it.
 */
export async function propose(control: Control, { operations, refuse, from }: Proposal): Promise<void> {
  const { t } = control.view();
  const say = refuse ?? ((sentence: string) => control.notify(sentence, "bad"));
  if (openRunning(control)) return;
  if (operations.length === 0) {
    control.notify(t("network.noChange"), "warn");
    return;
  }
  const asker = from ?? control;
  if (asking.has(asker)) return;
  asking.add(asker);
  const plan = await planOf(control, operations, say).finally(() => asking.delete(asker));
  if (plan === undefined || !control.view().state.unlocked) return;
  const errors = plan.problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first !== undefined) {
    const sentence = problemSentence(t, first);
    if (errors.length === 1) say(sentence, first.field);
    else {
      // The form behind the page of all of them stands at the first.
      refuse?.(t("network.firstOf", { sentence, count: errors.length }), first.field);
      control.open(problemsScreen(control, plan.problems));
    }
  } else if (plan.changes.length === 0) control.notify(t("network.noChange"), "warn");
  else control.open(planScreen(control, plan, operations, from));
}

/** Undefined when there is none: it has been said why. */
function planOf(
  control: Control,
  operations: readonly NetworkOperation[],
  say: (sentence: string, field: string) => void,
): Promise<NetworkPlan | undefined> {
  return control.attempt(async () => {
    try {
      return await control.client.call("planNetwork", { body: { operations: [...operations] } });
    } catch (error) {
      // An operation that can't be carried out at all; anything else is the matter of every screen.
      if (!(error instanceof NodeError) || !error.code.startsWith("NET.")) throw error;
      say(refusal(control, error), "");
      return undefined;
    }
  });
}

function refusal(control: Control, error: NodeError): string {
  const { t } = control.view();
  if (t.find(`error.${error.code}`) !== undefined) return control.describe(error);
  const values = Object.fromEntries(Object.entries(error.values).map(([name, value]) => [name, String(value)]));
  const { code, message: description, remedy = "" } = error;
  const problem = { code, description, remedy, values, severity: "error" as const, field: "" };
  return reasonAndRemedy(t, problem);
}
