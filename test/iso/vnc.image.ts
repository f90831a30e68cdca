import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { VncViewer } from "../support/vm/rfb.ts";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";

/*
 * The installer over VNC. The letters of its terminal can't be read by the bed: the viewer types when its picture has
 * come to rest, and the serial line, which follows, tells what came of it.
 */

describeImage("the image over VNC", (machines) => {
  it("is installed from a BIOS's second menu entry with Enter all the way", async () => {
    const disks = [{ file: bed.emptyDisk(machines.folder, "disk"), format: "qcow2" }] as const;
    const nics = [{ network: "user", forward: [5900] }] as const;
    let vm = await machines.start({ cdrom: machines.iso, disks, nics, startFrom: "medium" });
    await vm.screen.until(/Install Binnacle[\s\S]*Install over VNC/, bed.bootTimeoutMs);
    await vm.screen.press("down");
    await vm.screen.press("ret");
    const shown = /VNC: 10\.0\.2\.15:5900.* password ([a-z0-9]{8})/;
    await vm.screen.until(shown, bed.bootTimeoutMs);
    await machines.picture("vnc-address");
    const [, password = ""] = shown.exec(await vm.screen.text()) ?? [];
    const at = { host: "127.0.0.1", port: await vm.port(5900) };
    await assert.rejects(VncViewer.open(at, "wrong678"), /[Aa]uthentication failed/);

    // The hardware has been looked at.
    await vm.serial.until("Time zone", bed.bootTimeoutMs);
    const viewer = await VncViewer.open(at, password);
    for (const page of ["locale", "role", "checks", "disk", "layout", "network"]) {
      await atRest(viewer, page);
      viewer.press("enter");
    }
    await vm.serial.until(/answered on vnc/);
    for (const text of [bed.rootPassword, bed.rootPassword, bed.adminPassword, bed.adminPassword]) {
      await atRest(viewer, "passwords");
      viewer.type(text);
      viewer.press("tab");
    }
    await atRest(viewer, "passwords");
    viewer.press("enter");
    await atRest(viewer, "summary");
    // With Enter in the same breath it would be a paste, which confirms nothing.
    viewer.type("vda");
    await atRest(viewer, "summary");
    viewer.press("enter");
    await vm.serial.until(/is installed on/, bed.installTimeoutMs);
    viewer.close();

    vm = await machines.start({ disks, startFrom: "disks" });
    await vm.serial.until((text) => bed.isHome(text), bed.bootTimeoutMs);
  });
});

/** Waits until nothing has been drawn for a moment. */
async function atRest(viewer: VncViewer, page: string): Promise<void> {
  for (let tries = 0; tries < 40; tries += 1) {
    const before = Buffer.from(viewer.picture().rgb);
    await wait(1500);
    if (before.equals(viewer.picture().rgb)) return;
  }
  throw new Error(`the picture never came to rest on the page ${page}`);
}
