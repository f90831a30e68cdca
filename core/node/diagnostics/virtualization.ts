import { readIfThere } from "../machine.ts";
import { defineCheck } from "./check.ts";

/** Hardware virtualization: CPU flags, and the kernel's device, which is missing when the firmware switched it off. */
export const virtualizationCheck = defineCheck({
  id: "virtualization",
  area: "hardware",
  name: "KVM",
  codes: ["KVM.OK", "KVM.NO_FLAGS", "KVM.NO_DEVICE", "KVM.NESTED_OFF"],
  async run(context) {
    const { role, virtualization } = context.fact("identity");
    // A pure management node runs no virtual machines; one that has libvirt is a compute node as well.
    const runsMachines = context.facts.virtualMachines.state === "value";
    if (role === "expert" || (role === "management" && !runsMachines)) return [];
    const cpuinfo = await context.machine.readFile("/proc/cpuinfo");
    const hasDevice = (await context.machine.readDir("/sys/class/misc")).includes("kvm");
    const flags = /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(" ");
    const flag = flags?.find((one) => one === "vmx" || one === "svm");
    const values = { flag: flag ?? "-", cpu: /^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "-" };
    if (hasDevice) {
      // Not every way to KVM shows in the flags: other architectures, and guests with a KVM of their own (kvm_pvm).
      const modules = await context.machine.readDir("/sys/module").catch((): string[] => []);
      const by = flag ?? modules.find((name) => name.startsWith("kvm_")) ?? "/dev/kvm";
      return [{ outcome: "passed", code: "KVM.OK", values: { ...values, flag: by } }];
    }
    // Other architectures show no such flag; there the device alone tells.
    const hasFlag = flag !== undefined || flags === undefined;
    if (virtualization !== null)
      return [{ outcome: "failed", code: "KVM.NESTED_OFF", values: { ...values, hypervisor: virtualization } }];
    return [{ outcome: "failed", code: hasFlag ? "KVM.NO_DEVICE" : "KVM.NO_FLAGS", values }];
  },
});

const wanting = /\b(intel_iommu=on\S*|amd_iommu=on\S*|iommu=pt|vfio-pci\.ids=\S+)/;

/** The IOMMU, on machines that are set up to pass devices through. */
export const iommuCheck = defineCheck({
  id: "iommu",
  area: "hardware",
  name: "IOMMU",
  codes: ["IOMMU.OK", "IOMMU.OFF"],
  async run({ machine }) {
    const option = wanting.exec((await readIfThere(machine, "/proc/cmdline")) ?? "")?.[1];
    const bound = await machine.readDir("/sys/bus/pci/drivers/vfio-pci").catch(() => []);
    const device = bound.find((name) => /^[0-9a-f]{4}:/.test(name));
    const wanted = option ?? device;
    if (wanted === undefined) return [];
    const groups = await machine.readDir("/sys/kernel/iommu_groups").catch(() => []);
    if (groups.length === 0) return [{ outcome: "failed", code: "IOMMU.OFF", values: { wanted } }];
    return [{ outcome: "passed", code: "IOMMU.OK", values: { groups: String(groups.length) } }];
  },
});
