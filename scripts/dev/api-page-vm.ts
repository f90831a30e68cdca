import { type VmOperationFacts, vmConditions, vmOperations } from "../../core/model/cloud/vm-operations.ts";
import { vmStates } from "../../core/model/cloud/vm-states.ts";
import { heading, table } from "./markdown.ts";

const effects: Readonly<Record<VmOperationFacts["effect"], string>> = {
  now: "at once",
  whenStopped: "while it is stopped",
  nextStart: "at its next start",
};

/** The states of a virtual machine, and what can be done with it in each. */
export function vmTables(): string {
  const states = Object.entries(vmStates).map(([state, { description, settled }]) => [
    state,
    description,
    settled ? "until somebody asks for something" : "while an operation runs",
  ]);
  const operations: [string, VmOperationFacts][] = Object.entries(vmOperations);
  const rows = operations.flatMap(([operation, { description, effect, routes }]) =>
    routes.map(({ from, through, to, failed, needs = [] }, nth) => [
      nth === 0 ? operation : "",
      nth === 0 ? `${description} Takes effect ${effects[effect]}.` : "",
      from === "all" ? "every lasting state but Destroyed" : from.join(", "),
      [through, to === "beforeRescue" ? "as before the rescue" : to].filter((each) => each !== null).join(" → "),
      failed,
      needs.map((need) => vmConditions[need].description).join(" "),
    ]),
  );
  return [
    heading(3, "VmInstance: state"),
    table(["state", "", "lasts"], states),
    "What can be done, and from which states. `same`: the state stays; `none`, `gone`: there is no machine.",
    table(["operation", "", "from", "to", "after a failure", "needs"], rows),
  ].join("\n\n");
}
