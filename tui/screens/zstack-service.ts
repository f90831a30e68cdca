import type { ServiceState } from "../../core/model/service.ts";
import type { Style } from "../terminal/canvas.ts";
import { wrap } from "../terminal/width.ts";
import { List } from "../widgets/list.ts";
import type { Control, Screen } from "./screen.ts";
import { serviceActionScreen } from "./service-action.ts";
import { refusalText } from "./service-words.ts";

const actions = ["start", "stop", "restart"] as const;
type Action = (typeof actions)[number];

/** Start/Stop/Restart ZStack Service: how it is now, and which of the three. */
export function zstackServiceScreen(control: Control): Screen {
  let service: ServiceState | undefined;
  const t = () => control.view().t;
  const refusal = (action: Action) => service?.refusals[action] ?? null;
  const list = new List<Action>({
    items: () => actions,
    id: (action) => action,
    text: (action) => t()(`service.${action}`),
    note: (action) => {
      const why = refusal(action);
      return why === null || commonRefusal() !== undefined ? "" : refusalText(t(), why);
    },
    style: (action) => (refusal(action) === null ? "text" : "dim"),
    filter: false,
    onOpen: (action) => control.open(serviceActionScreen(control, action)),
  });

  /** Why none of the three can be done, where that is one reason. */
  function commonRefusal() {
    const [first, ...others] = actions.map(refusal);
    return first !== null && others.every((other) => other?.code === first?.code) ? first : undefined;
  }

  return {
    title: "service.heading",
    help: "help.service",
    hints: () => [["Enter", "hint.open"]],
    enter() {
      void control.attempt(async () => {
        service = await control.client.call("service", {});
        control.redraw();
      });
    },
    draw(canvas, view) {
      const common = commonRefusal();
      let y = 1;
      if (service === undefined) canvas.text(2, y++, view.t("missing.pending"), "dim");
      else if (common !== undefined)
        for (const line of wrap(refusalText(view.t, common), canvas.width - 4)) canvas.text(2, y++, line, "warn");
      for (const { unit, active } of service?.units ?? []) {
        canvas.text(2, y, unit.replace(/\.service$/, ""));
        canvas.text(28, y++, view.t(`services.${active}`), unitStyle[active]);
      }
      canvas.text(2, y + 1, view.t("service.choose"), "strong");
      list.draw(canvas.part(2, y + 3, canvas.width - 4, actions.length + 1), view.t);
    },
    key: (key) => list.key(key),
  };
}

const unitStyle: Record<ServiceState["units"][number]["active"], Style> = {
  active: "good",
  reloading: "warn",
  activating: "warn",
  deactivating: "warn",
  inactive: "dim",
  failed: "bad",
};
