import assert from "node:assert/strict";
import { it } from "node:test";
import type { Vm } from "../support/vm/vm.ts";
import * as bed from "./image/bed.ts";
import { describeImage } from "./image/machines.ts";
import { assertCloudAnswers, comesUp, installUnattended } from "./image/unattended.ts";

/*
 * Virtual machines on an installed node, in QEMU: a management node is its own host, with the image's libvirt, its user
 * for QEMU and its AppArmor.
 */

const limitMs = 600_000;

describeImage("virtual machines of an installed node", (machines) => {
  it("run, outlive the agent and libvirt, and are asked to shut down before the node goes down", async (t) => {
    const { disks } = await installUnattended(machines, "management", "bios");
    let vm = await machines.start({ disks, startFrom: "disks" });
    await comesUp(vm, "management");
    await bed.signIn(vm);
    await assertCloudAnswers(vm, bed.rootPassword);
    const sh = (command: string) => vm.shell.run(command, limitMs);
    const zone = await cli(vm, "CreateZone", { name: "east" });
    const cluster = await cli(vm, "CreateCluster", { name: "blue", zoneUuid: zone, hypervisorType: "KVM" });
    const url = "/var/lib/binnacle/storage";
    const storage = await cli(vm, "AddLocalPrimaryStorage", { name: "local", zoneUuid: zone, url });
    await cli(vm, "AttachPrimaryStorageToCluster", { uuid: storage, clusterUuid: cluster });
    const managementIp = "10.0.2.15";
    const print = await sh(`cd /root && zstack-cli GetHostFingerprint managementIp=${managementIp}`);
    const { fingerprint } = JSON.parse(print);
    await cli(vm, "AddKVMHost", { name: "node07", clusterUuid: cluster, managementIp, fingerprint, username: "root" });

    const size = { cpuNum: "1", memorySize: "128M", rootDiskSize: "64M" };
    const uuid = await cli(vm, "CreateVmInstance", { name: "web-1", ...size });
    const there = () => sh(`virsh domstate ${uuid}`);
    assert.equal(await there(), "running");
    const pid = await sh(`pgrep -f 'guest=${uuid}'`);
    t.diagnostic(`QEMU runs as ${await sh(`ps -o user= -p ${pid}`)}`);
    await sh("systemctl restart binnacle-agent libvirtd");
    console.log(
      await sh(
        `for i in 1 2 3 4 5 6; do virsh domstate --reason ${uuid}; ps -o pid,etime,args -p ${pid} | cut -c1-150; sleep 3; done; journalctl -b -u libvirtd -u virtlogd -u binnacle-agent --no-pager | tail -60; tail -30 /var/log/libvirt/qemu/${uuid}.log; dmesg | grep -i apparmor | tail -5; ls -la /var/lib/libvirt/qemu /run/libvirt/qemu; cat /sys/module/apparmor/parameters/enabled`,
      ),
    );
    await sh(`virsh destroy ${uuid}`);
    for (let state = ""; state !== "Stopped"; )
      state = JSON.parse(await sh(`zstack-cli GetVmInstance uuid=${uuid}`)).inventory.state;
    await cli(vm, "StartVmInstance", { uuid });
    assert.equal(await there(), "running");

    // The empty machine can't listen; that it is asked is in the journal.
    await vm.shell.try("echo SHUTDOWN_TIMEOUT=5 >>/etc/default/libvirt-guests; systemctl reboot", limitMs);
    await vm.qmp.event("RESET", limitMs);
    vm = await machines.start({ disks, startFrom: "disks" });
    await comesUp(vm, "management");
    await bed.signIn(vm);
    assert.match(await vm.shell.run("journalctl -b -1 -u libvirt-guests", limitMs), /[Ss]hut.* down/);
    assert.equal((await vm.shell.run(`virsh domstate ${uuid}`, limitMs)).trim(), "shut off");
  });
});

/** The uuid of what a call has made, once its task has ended well. */
async function cli(vm: Vm, call: string, fields: Record<string, string>): Promise<string> {
  const secret = call === "AddKVMHost" ? " -P admin.password" : "";
  const given = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  const command = `zstack-cli ${call} ${given.join(" ")}${secret} 2>said`;
  const text = await vm.shell.run(`cd /root && { ${command} || { cat said; false; }; }`, limitMs);
  const answer = JSON.parse(text);
  const uuid: unknown = answer.inventory?.uuid ?? answer.uuid;
  assert.ok(typeof uuid === "string", text);
  return uuid;
}
