import { valueOf } from "../../core/model/reading.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { layoutHome, type PanelName } from "./home/layout.ts";
import { orderLinks } from "./home/links.ts";
import {
  drawCpu,
  drawDisks,
  drawHosts,
  drawMachines,
  drawMemory,
  drawNics,
  drawNode,
  drawTime,
} from "./home/panels.ts";
import type { Control, Screen, View } from "./screen.ts";
import { unlock } from "./unlock.ts";

const panels: Record<PanelName, (canvas: Canvas, view: View) => void> = {
  node: drawNode,
  time: drawTime,
  disk: drawDisks,
  nic: drawNics,
  host: drawHosts,
  vm: drawMachines,
  cpu: drawCpu,
  memory: drawMemory,
};

/** The eight panels. What a passer-by may see of them is decided by the agent, not here. */
export function homeScreen(control: Control): Screen {
  return {
    title: "home.title",
    help: "help.home",
    hints: () => [
      ["F2", "hint.configure"],
      ["F12", "hint.power"],
    ],
    draw(canvas, view) {
      const rects = layoutHome(canvas.width, canvas.height - 1, wishes(view));
      for (const [name, rect] of Object.entries(rects)) {
        if (isPanel(name)) panels[name](canvas.part(rect.x, rect.y, rect.width, rect.height), view);
      }
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
      if (key.name === "char" && key.text === "q" && control.canQuit) {
        control.quit();
        return true;
      }
      return key.name === "esc";
    },
  };
}

function isPanel(name: string): name is PanelName {
  return Object.hasOwn(panels, name);
}

function wishes({ state }: View) {
  const filesystems = valueOf(state.facts.filesystems)?.length ?? 1;
  const disks = valueOf(state.facts.disks)?.length ?? 1;
  const links = orderLinks(valueOf(state.facts.network)?.links ?? []).length;
  return { disk: filesystems + disks, nic: links, vm: valueOf(state.facts.virtualMachines)?.list?.length ?? 2 };
}
