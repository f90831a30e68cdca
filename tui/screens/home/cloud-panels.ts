import type { VirtualMachine } from "../../../core/model/facts.ts";
import { valueOf } from "../../../core/model/reading.ts";
import type { Canvas } from "../../terminal/canvas.ts";
import { formatPercent, formatTime, unknown } from "../../widgets/format.ts";
import { machineMemory, machineStyle, orderMachines } from "../machine-words.ts";
import type { View } from "../screen.ts";
import { reasonOf, virtualMachineState } from "../words.ts";
import { drawFigures, drawMore, fitting, panel, some } from "./panel.ts";

export function drawHosts(canvas: Canvas, view: View): void {
  const { t, state } = view;
  const { hosts: reading } = state.facts;
  if (reading?.state === "missing" && reading.why.code === "notConfigured") {
    canvas.text(0, 0, t("panel.host"), "heading");
    canvas.text(0, 1, `-  ${t("host.noManager")}`, "dim");
    return;
  }
  panel(canvas, view, t("panel.host"), reading, (body, hosts) => {
    drawFigures(body, [
      [t("host.total", { count: hosts.total }), "text"],
      [t("host.enabled", { count: hosts.enabled }), "text"],
      [t("host.connected", { count: hosts.connected }), "text"],
      [t("host.disconnected", { count: hosts.disconnected }), hosts.disconnected > 0 ? "bad" : "text"],
      ...some(hosts.maintenance, t("host.maintenance", { count: hosts.maintenance }), "text"),
      ...some(hosts.connecting, t("host.connecting", { count: hosts.connecting }), "warn"),
      ...some(hosts.disabled, t("host.disabled", { count: hosts.disabled }), "text"),
    ]);
  });
}

/** On a management node those of the whole cloud, counted; on others this node's own, one by one. */
export function drawMachines(canvas: Canvas, view: View, key: string): void {
  if (valueOf(view.state.facts.identity)?.role === "management") drawCloudMachines(canvas, view);
  else drawOwnMachines(canvas, view, key);
}

function drawCloudMachines(canvas: Canvas, view: View): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.vm"), state.facts.cloud, (body, { machines: all }) => {
    drawFigures(body, [
      [t("vm.total", { count: all.total }), "text"],
      [t("vm.running", { count: all.running }), "text"],
      [t("vm.stopped", { count: all.stopped }), "text"],
      [t("vm.unknown", { count: all.unknown }), all.unknown > 0 ? "warn" : "text"],
      ...some(all.failed, t("vm.failed", { count: all.failed }), "bad"),
      ...some(all.changing, t("vm.changing", { count: all.changing }), "text"),
      ...some(all.paused, t("vm.paused", { count: all.paused }), "text"),
      ...some(all.deleted, t("vm.deleted", { count: all.deleted }), "dim"),
      ...some(all.others, t("vm.others", { count: all.others }), "text"),
    ]);
  });
}

function drawOwnMachines(canvas: Canvas, view: View, key: string): void {
  const { t, state } = view;
  const reading = state.facts.virtualMachines;
  if (reading?.state === "stale") {
    // What ran a minute ago says nothing of now, and here somebody decides about a reboot.
    canvas.text(0, 0, t("panel.vm"), "heading");
    const words = [t("vm.silent", { time: formatTime(reading.at) }), reasonOf(t, reading.why)];
    for (const [y, text] of words.entries())
      canvas.text(0, 1 + y, y === 0 ? `${unknown}  ${text}` : `   ${text}`, "bad");
    return;
  }
  panel(canvas, view, t("panel.vm"), state.facts.virtualMachines, (body, machines, end) => {
    const { list, total, running, stopped, unknown: lost } = machines;
    if (list === null || list.length === 0) {
      drawFigures(body, [
        [t("vm.total", { count: total }), "text"],
        [t("vm.running", { count: running }), "text"],
        [t("vm.stopped", { count: stopped }), "text"],
        ...some(lost, t("vm.unknown", { count: lost }), "warn"),
      ]);
      return;
    }
    canvas.text(end + 3, 0, t("vm.ofTotal", { running, total }), "strong");
    const shown = fitting(list.length, body.height);
    orderMachines(list)
      .slice(0, shown)
      .forEach((vm, y) => drawMachine(body, y, view, vm));
    drawMore(body, t, key, list.length - shown);
  });
}

function drawMachine(body: Canvas, y: number, { t }: View, vm: VirtualMachine): void {
  const uuidWidth = body.width >= 80 ? 36 : 8;
  body.text(0, y, vm.uuid.slice(0, uuidWidth), "dim");
  const hasCpu = body.width >= 46;
  const nameWidth = body.width - uuidWidth - (hasCpu ? 28 : 22);
  body.text(uuidWidth + 1, y, vm.name, "text", nameWidth);
  const x = uuidWidth + nameWidth + (hasCpu ? 8 : 2);
  if (hasCpu) body.textRight(x - 1, y, formatPercent(vm.cpuShare));
  body.textRight(x + 4, y, vm.cpus !== null ? t("vm.cpus", { cpus: vm.cpus }) : unknown);
  body.textRight(x + 10, y, machineMemory(vm));
  body.text(x + 11, y, virtualMachineState(t, vm.state), machineStyle[vm.state], 9);
}
