import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, before, beforeEach, describe } from "node:test";
import { startVm, type Vm, type VmOptions } from "../../support/vm/vm.ts";
import { buildImage, whyNot } from "./bed.ts";

/** The machine of a test, and what it is started from. */
export type Machines = {
  /** The image of these sources. */
  readonly iso: string;
  /** Of the running test alone; gone after it. */
  readonly folder: string;
  /** Starts a machine in place of the one before, on the same folder: the same computer, switched off and on. */
  start(options: Partial<VmOptions>): Promise<Vm>;
  /** Keeps a picture of the screen, when somebody wants them: BINNACLE_TEST_PICTURES names the folder. */
  picture(name: string): Promise<void>;
};

const why = await whyNot();
const isCi = process.env["CI"] === "true";

/** A `describe` whose tests install the image on machines. Under CI=true it fails where that can't be done. */
export function describeImage(name: string, tests: (machines: Machines) => void): void {
  describe(name, { skip: why !== undefined && !isCi ? why : false }, () => {
    let iso: string;
    let folder: string;
    let vm: Vm | undefined;

    before(() => {
      assert.equal(why, undefined);
      iso = process.env["BINNACLE_TEST_IMAGE"] ?? buildImage();
    });
    beforeEach(() => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-image-"));
    });
    afterEach(async () => {
      await vm?.stop();
      vm = undefined;
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    tests({
      get iso() {
        return iso;
      },
      get folder() {
        return folder;
      },
      async start(options) {
        await vm?.stop();
        vm = await startVm({ folder, memoryMiB: 3072, nics: [{ network: "user" }], ...options });
        return vm;
      },
      async picture(picture) {
        const target = process.env["BINNACLE_TEST_PICTURES"];
        if (target !== undefined) await vm?.screenshot(path.join(target, `${picture}.png`));
      },
    });
  });
}

/** Steps of a role's installation that failed, and units of systemd, each with the lines after it that say why. */
export function failures(vm: Vm): string[] {
  const lines = vm.serial.raw.split(/[\r\n]+/);
  return lines.flatMap((line, at) => (line.includes("FAIL") ? lines.slice(at, at + 4) : []));
}
