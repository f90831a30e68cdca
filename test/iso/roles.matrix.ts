import { it } from "node:test";
import type { InstallRole } from "../../core/model/installation/draft.ts";
import { firmwares } from "../support/vm/options.ts";
import { describeImage } from "./image/machines.ts";
import { assertSound, comesUp, installUnattended, roleNames } from "./image/unattended.ts";

/*
 * Every firmware with every role, by answer files; each node is looked at on its screen and on its serial line.
 */

const roles = Object.keys(roleNames) as InstallRole[];
const inSeconds = (from: number) => `${Math.round((performance.now() - from) / 1000)} s`;

describeImage("every firmware and role", (machines) => {
  for (const firmware of firmwares)
    for (const role of roles)
      it(`${firmware}, ${role}`, async (t) => {
        const { disks, seconds } = await installUnattended(machines, role, firmware);
        const bootedAt = performance.now();
        const vm = await machines.start({ firmware, disks, startFrom: "disks" });
        await comesUp(vm, role);
        t.diagnostic(`${firmware}, ${role}: installed in ${Math.round(seconds)} s, up after ${inSeconds(bootedAt)}`);
        await assertSound(vm, role);
      });
});
