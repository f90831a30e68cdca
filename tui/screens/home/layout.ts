import type { Rect } from "../../terminal/canvas.ts";

export type PanelName = "node" | "time" | "disk" | "nic" | "host" | "vm" | "cpu" | "memory";

/** How many lines below its heading each panel would like to have. */
export type Wishes = { disk: number; nic: number; vm: number };

/**
 * Where each panel lies: two columns, four bands (node, disk + network, hosts + machines, graphs).
 * At 80x24 everything fits just so. More lines go to the network, the machines and the graphs, in that order, as far
 * as they have something to show; the graphs take the rest.
 */
export function layoutHome(width: number, height: number, wishes: Wishes): Record<PanelName, Rect> {
  const right = Math.floor(width / 2);
  const left = { x: 1, width: right - 2 };
  const second = { x: right, width: width - right - 1 };

  // Headings, the three lines of NODE INFO, and one blank line below it, below the disks and above the graphs.
  const node = 3;
  let middle = 4;
  let machines = 2;
  let graph = 2;
  const used = () => 1 + node + 1 + (1 + middle) + (1 + machines) + 1 + (1 + graph);
  let spare = Math.max(height - used(), 0);
  const give = (wanted: number, had: number): number => {
    const more = Math.min(Math.max(wanted - had, 0), spare);
    spare -= more;
    return had + more;
  };
  // The graphs first, up to what a figure can be read from; then a taste for each in turn, so that one long list does
  // not starve the other.
  graph = give(5, graph);
  middle = give(Math.min(Math.max(wishes.disk, wishes.nic), 8), middle);
  machines = give(Math.min(wishes.vm, 6), machines);
  graph = give(6, graph);
  middle = give(Math.max(wishes.disk, wishes.nic), middle);
  machines = give(wishes.vm, machines);
  graph = give(Number.POSITIVE_INFINITY, graph);

  const second_y = node + 2;
  const third_y = second_y + 1 + middle;
  const graphs_y = third_y + 1 + machines + 1;
  return {
    node: { ...left, y: 0, height: 1 + node },
    time: { ...second, y: 0, height: 1 + node },
    disk: { ...left, y: second_y, height: 1 + middle },
    nic: { ...second, y: second_y, height: 1 + middle },
    host: { ...left, y: third_y, height: 1 + machines },
    vm: { ...second, y: third_y, height: 1 + machines },
    cpu: { ...left, y: graphs_y, height: 1 + graph },
    memory: { ...second, y: graphs_y, height: 1 + graph },
  };
}
