import assert from "node:assert/strict";
import { it } from "node:test";
import * as bed from "./image/bed.ts";
import { addHost, made } from "./image/cloud.ts";
import { describeImage } from "./image/machines.ts";
import { assertCloudAnswers, comesUp, installUnattended } from "./image/unattended.ts";

/*
 * Virtual machines on an installed node, in QEMU: a management node is its own host, with the image's libvirt and its user
 * for QEMU.
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
    const zone = await made(vm, "CreateZone", { name: "east" });
    const cluster = await made(vm, "CreateCluster", { name: "blue", zoneUuid: zone, hypervisorType: "KVM" });
    const url = "/var/lib/binnacle/storage";
    const storage = await made(vm, "AddLocalPrimaryStorage", { name: "local", zoneUuid: zone, url });
    await made(vm, "AttachPrimaryStorageToCluster", { uuid: storage, clusterUuid: cluster });
    const managementIp = "10.0.2.15";
    await addHost(vm, "node07", cluster, managementIp);

    const size = { cpuNum: "1", memorySize: "128M", rootDiskSize: "64M" };
    const uuid = await made(vm, "CreateVmInstance", { name: "web-1", ...size });
    const there = () => sh(`virsh domstate ${uuid}`);
    assert.equal(await there(), "running");
    const pid = await sh(`pgrep -f 'guest=${uuid}'`);
    t.diagnostic(`QEMU runs as ${await sh(`ps -o user= -p ${pid}`)}`);
    await sh("systemctl restart binnacle-agent libvirtd");
    assert.equal(await sh(`pgrep -f 'guest=${uuid}'`), pid);
    // libvirt takes a while to find it again.
    await sh(`until virsh domstate ${uuid} | grep running; do sleep 1; done`);
    await sh(`virsh destroy ${uuid}`);
    for (let state = ""; state !== "Stopped"; )
      state = JSON.parse(await sh(`zstack-cli GetVmInstance uuid=${uuid}`)).inventory.state;
    await made(vm, "StartVmInstance", { uuid });
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
