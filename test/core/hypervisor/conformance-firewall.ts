import assert from "node:assert/strict";
import { it } from "node:test";
import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { type HostFirewall, openFirewall } from "../../../core/hypervisor/firewall.ts";
import { refuses, uuidOf } from "./support.ts";

type Given = { driver: () => HypervisorDriver; reopen: () => Promise<void> };

/** What every driver does with security groups. */
export function firewallConformance({ driver, reopen }: Given): void {
  it("takes what its cards let in and out, as often as it is told, and nothing older", async () => {
    const never = new AbortController().signal;
    const tell = (revision: number, firewall: HostFirewall) =>
      driver().carryOut({ do: "setFirewall", revision, firewall }, never);
    const groupUuid = uuidOf(0x99);
    const rules = [{ way: "out", protocol: "all", ports: null, peer: null } as const];
    const firewall: HostFirewall = {
      cards: [{ mac: "52:54:00:00:00:63", groupUuids: [groupUuid] }],
      groups: [{ uuid: groupUuid, rules }],
      members: [],
    };
    for (let twice = 0; twice < 2; twice++) await tell(10, firewall);
    await refuses(tell(9, openFirewall), "HYPERVISOR.FIREWALL_OLD");
    await reopen();
    assert.deepEqual(await driver().machines(never), []);
    for (let twice = 0; twice < 2; twice++) await tell(11, openFirewall);
  });
}
