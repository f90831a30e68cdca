import { formatPercent } from "../../widgets/format.ts";
import type { Control, Screen } from "../screen.ts";

/** Before there is anything to ask: the engine starts, or looks at the hardware. */
export function probingScreen(_control: Control): Screen {
  return {
    title: "install.probing.title",
    help: "install.help.probing",
    draw(canvas, { t, state, connected }) {
      canvas.text(2, 1, t(connected ? "install.probing" : "install.waiting"));
      if (connected && state.medium.check === "running")
        canvas.text(2, 3, t("install.medium.checking", { share: formatPercent(state.medium.share) }), "dim");
    },
    key: () => false,
  };
}
