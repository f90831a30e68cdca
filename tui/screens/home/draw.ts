import { valueOf } from "../../../core/model/reading.ts";
import type { Canvas, Rect } from "../../terminal/canvas.ts";
import type { View } from "../screen.ts";
import { drawHosts, drawMachines } from "./cloud-panels.ts";
import { layoutHome, type PanelName } from "./layout.ts";
import { orderLinks } from "./links.ts";
import { drawCpu, drawDisks, drawMemory, drawNics, drawNode, drawTime } from "./panels.ts";

const panels: Record<PanelName, (canvas: Canvas, view: View, key: string) => void> = {
  node: drawNode,
  time: drawTime,
  disk: drawDisks,
  nic: drawNics,
  host: drawHosts,
  vm: drawMachines,
  cpu: drawCpu,
  memory: drawMemory,
};

/**
 * Draws the eight panels of what is known; the public and the full view differ in what the agent tells. `keyOf` names
 * the key that shows what a panel has no room for.
 */
export function drawHome(canvas: Canvas, view: View, keyOf: (panel: PanelName) => string): Record<PanelName, Rect> {
  const rects = layoutHome(canvas.width, canvas.height - 1, wishes(view));
  for (const [name, rect] of Object.entries(rects)) {
    if (isPanel(name)) panels[name](canvas.part(rect.x, rect.y, rect.width, rect.height), view, keyOf(name));
  }
  return rects;
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
