import type { Control, Screen } from "../screen.ts";
import { BondForm } from "./bond-form.ts";
import type { NetworkDesk } from "./desk.ts";
import { propose } from "./propose.ts";

/** A new bond, or mode and legs of one that is there. Legs come and go as one change with everything else. */
export function bondScreen(
  control: Control,
  desk: NetworkDesk,
  of: { bond?: string | undefined; firstLeg?: string },
): Screen {
  const t = () => control.view().t;
  const form = new BondForm({
    t,
    desk,
    bond: of.bond,
    firstLeg: of.firstLeg,
    onSubmit: () =>
      propose(control, {
        operations: form.operations(),
        refuse: (sentence, path) => form.refuse(sentence, path),
        from: screen,
      }),
  });
  const screen: Screen = {
    title: "network.bond.title",
    help: "help.network.bond",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const heading = of.bond === undefined ? view.t("network.bond.new") : of.bond;
      body.text(0, 0, heading, "strong");
      form.form.draw(body.part(0, 2), view.t);
    },
    key: (key) => form.form.key(key),
  };
  return screen;
}
