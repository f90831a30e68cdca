import type { MessageKey } from "../i18n/catalogue.ts";
import { drawHome } from "./home/draw.ts";
import type { PanelName } from "./home/layout.ts";
import { Opener } from "./opener.ts";
import type { Control, Hint, Screen } from "./screen.ts";

type Detail = { key: string; panel: PanelName; label: MessageKey; open: (control: Control) => Promise<Screen> };

/** What lies behind a panel: the letter that opens it stands at the end of the panel's heading. */
const details: readonly Detail[] = [
  {
    key: "n",
    panel: "nic",
    label: "interfaces.title",
    open: async (c) => (await import("./interfaces.ts")).interfacesScreen(c),
  },
  { key: "d", panel: "disk", label: "disks.title", open: async (c) => (await import("./disks.ts")).disksScreen(c) },
  {
    key: "s",
    panel: "node",
    label: "services.title",
    open: async (c) => (await import("./services.ts")).servicesScreen(c),
  },
  {
    key: "v",
    panel: "vm",
    label: "machines.title",
    open: async (c) => (await import("./machines.ts")).machinesScreen(c),
  },
  { key: "c", panel: "cpu", label: "cpu.title", open: async (c) => (await import("./cpu.ts")).cpuScreen(c) },
  {
    key: "m",
    panel: "memory",
    label: "memory.title",
    open: async (c) => (await import("./memory.ts")).memoryScreen(c),
  },
];

/**
 * The home screen behind the password: the same panels with what only a session is told, and ways to everything else
 * without another password. Esc gives the rights back.
 */
export function fullScreen(control: Control): Screen {
  const opener = new Opener(control);
  return {
    title: "full.title",
    help: "help.full",
    hints: () => [
      ["F2", "hint.configure"],
      ["F12", "hint.power"],
      ["Esc", "hint.lock"],
      ...details.map(({ key, label }): Hint => [key, label, "spare"]),
    ],
    enter: () => opener.enter(),
    leave: () => opener.leave(),
    draw(canvas, view) {
      const rects = drawHome(canvas, view, (panel) => details.find((one) => one.panel === panel)?.key ?? "");
      for (const { key, panel } of details) {
        const rect = rects[panel];
        canvas.part(rect.x, rect.y, rect.width, 1).textRight(rect.width - 1, 0, key, "key");
      }
    },
    key(key) {
      if (key.name === "f2") {
        opener.open(async () => (await import("./configuration.ts")).configurationScreen(control));
        return true;
      }
      if (key.name === "f12") {
        opener.open(async () => (await import("./power.ts")).powerScreen(control));
        return true;
      }
      const detail = key.name === "char" ? details.find((one) => one.key === key.text) : undefined;
      if (detail === undefined) return false;
      opener.open(() => detail.open(control));
      return true;
    },
  };
}
