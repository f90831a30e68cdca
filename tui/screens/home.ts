import { drawHome } from "./home/draw.ts";
import type { Control, Screen } from "./screen.ts";
import { unlock } from "./unlock.ts";

/** The eight panels. What a passer-by may see of them is decided by the agent, not here. */
export function homeScreen(control: Control): Screen {
  return {
    title: "home.title",
    help: "help.home",
    hints: () => [
      ["F2", "hint.configure"],
      ["F12", "hint.power"],
      ["Enter", "hint.details", "spare"],
    ],
    draw(canvas, view) {
      drawHome(canvas, view, () => "Enter");
    },
    key(key) {
      if (key.name === "f2") {
        unlock(control, async () => (await import("./configuration.ts")).configurationScreen(control));
        return true;
      }
      if (key.name === "f12") {
        unlock(control, async () => (await import("./power.ts")).powerScreen(control));
        return true;
      }
      if (key.name === "enter") {
        unlock(control, async () => (await import("./full.ts")).fullScreen(control));
        return true;
      }
      // A q within a pasted text is nobody's wish to leave.
      if (key.name === "char" && key.text === "q" && key.inBurst !== true && control.canQuit) {
        control.quit();
        return true;
      }
      return key.name === "esc";
    },
  };
}
