import { healthy } from "../machine.ts";
import type { Scenario } from "./scenario.ts";

const { identity } = healthy;
const disk = firstOf(healthy.disks);

const mdstat = (body: string) => ({
  files: { "/proc/mdstat": `Personalities : [raid1] [raid6]\n${body}\nunused devices: <none>\n` },
});
const bmc = { "/sys/class/ipmi": ["ipmi0"] };

export const hardwareScenarios: Scenario[] = [
  { name: "virtualization works", code: "KVM.OK", outcome: "passed", values: { flag: "vmx" } },
  {
    name: "virtualization that the CPU's flags do not show",
    code: "KVM.OK",
    outcome: "passed",
    files: { "/proc/cpuinfo": "model name\t: AMD EPYC\nflags\t\t: fpu hypervisor\n" },
    dirs: { "/sys/class/misc": ["kvm"], "/sys/module": ["kvm", "kvm_pvm"] },
    values: { flag: "kvm_pvm" },
  },
  {
    name: "a CPU without virtualization",
    code: "KVM.NO_FLAGS",
    outcome: "failed",
    files: { "/proc/cpuinfo": "model name\t: Intel(R) Atom(TM) CPU D525   @ 1.80GHz\nflags\t\t: fpu sse\n" },
    dirs: { "/sys/class/misc": [] },
    values: { flag: "-", cpu: "Intel(R) Atom(TM) CPU D525   @ 1.80GHz" },
  },
  {
    name: "virtualization switched off in the firmware",
    code: "KVM.NO_DEVICE",
    outcome: "failed",
    dirs: { "/sys/class/misc": [] },
  },
  {
    name: "another architecture without the device",
    code: "KVM.NO_DEVICE",
    outcome: "failed",
    files: { "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\n" },
    dirs: { "/sys/class/misc": [] },
  },
  {
    name: "a virtual machine without nested virtualization",
    code: "KVM.NESTED_OFF",
    outcome: "failed",
    facts: { identity: { ...identity, virtualization: "microsoft" } },
    dirs: { "/sys/class/misc": [] },
  },
  {
    name: "pass-through is wanted and the IOMMU is on",
    code: "IOMMU.OK",
    outcome: "passed",
    files: { "/proc/cmdline": "quiet intel_iommu=on" },
    dirs: { "/sys/kernel/iommu_groups": ["0", "1"] },
    values: { groups: "2" },
  },
  {
    name: "pass-through is wanted and the IOMMU is off",
    code: "IOMMU.OFF",
    outcome: "failed",
    files: { "/proc/cmdline": "quiet intel_iommu=on iommu=pt" },
    dirs: { "/sys/kernel/iommu_groups": [] },
    values: { wanted: "intel_iommu=on" },
  },
  {
    name: "a device is bound to vfio-pci and the IOMMU is off",
    code: "IOMMU.OFF",
    outcome: "failed",
    dirs: { "/sys/bus/pci/drivers/vfio-pci": ["0000:3b:00.0", "bind", "new_id"] },
    values: { wanted: "0000:3b:00.0" },
  },
  { name: "healthy disks", code: "DISK.OK", outcome: "passed", values: { count: "1" } },
  {
    name: "a failing disk",
    code: "DISK.FAILING",
    outcome: "failed",
    facts: {
      disks: [
        {
          ...disk,
          name: "nvme10n1",
          model: "Dell Ent NVMe P5600 MU U.2 1.6TB",
          health: "failing",
          healthWhy: "spare space used up, reliability degraded",
        },
      ],
    },
    values: { disk: "nvme10n1", serial: "S45PNA0M123456", why: "spare space used up, reliability degraded" },
  },
  {
    name: "a worn disk",
    code: "DISK.WORN",
    outcome: "warning",
    facts: { disks: [{ ...disk, wear: 0.97 }] },
    values: { wear: "97 %", limit: "90 %" },
  },
  {
    name: "complete arrays",
    code: "RAID.OK",
    outcome: "passed",
    ...mdstat(
      "md0 : active raid1 sdb1[1] sda1[0]\n      1953381376 blocks super 1.2 [2/2] [UU]\n      bitmap: 0/8 pages [0KB], 65536KB chunk\n",
    ),
    values: { count: "1" },
  },
  {
    name: "a degraded array names the serial number of the failed disk",
    code: "RAID.DEGRADED",
    outcome: "failed",
    ...mdstat("md127 : active raid1 sdb1[1] sda1[0](F)\n      1953381376 blocks super 1.2 [2/1] [U_]\n"),
    values: { array: "md127", level: "raid1", working: "1", total: "2", failed: "sda1 (S45PNA0M123456)" },
  },
  {
    name: "an array that is being rebuilt",
    code: "RAID.REBUILDING",
    outcome: "warning",
    ...mdstat(
      "md0 : active raid6 sdd1[4] sdc1[2] sdb1[1] sda1[0]\n      292945152 blocks level 6, 64k chunk, algorithm 2 [4/3] [UUU_]\n      [==>..................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec\n",
    ),
    values: { array: "md0", progress: "12.6%, 127.5min" },
  },
  {
    name: "an array that was not started",
    code: "RAID.INACTIVE",
    outcome: "failed",
    ...mdstat("md0 : inactive sdc1[2](S)\n      976630472 blocks super 1.2\n"),
    values: { array: "md0" },
  },
  {
    name: "two power supplies",
    code: "POWER.OK",
    outcome: "passed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Power Supply$/,
        "PS1 Status       | C8h | ok  | 10.1 | Presence detected\nPS2 Status       | C9h | ok  | 10.2 | Presence detected\n",
      ],
    ],
    values: { count: "2" },
  },
  {
    name: "a power supply without power",
    code: "POWER.SUPPLY_LOST",
    outcome: "failed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Power Supply$/,
        "PS1 Status       | C8h | ok  | 10.1 | Presence detected\nPS2 Status       | C9h | ok  | 10.2 | Presence detected, Power Supply AC lost\n",
      ],
    ],
    values: { sensor: "PS2 Status", state: "Presence detected, Power Supply AC lost" },
  },
  {
    name: "power supplies without redundancy",
    code: "POWER.REDUNDANCY_LOST",
    outcome: "warning",
    dirs: bmc,
    commands: [[/^ipmitool sdr type Power Supply$/, "PS Redundancy    | 77h | ok  |  7.1 | Redundancy Lost\n"]],
  },
  {
    name: "fans by the management controller",
    code: "FAN.OK",
    outcome: "passed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Fan$/,
        "Fan1 RPM         | 30h | ok  |  7.1 | 5880 RPM\nFan2 RPM         | 31h | ns  |  7.1 | No Reading\n",
      ],
    ],
    values: { count: "1" },
  },
  {
    name: "fans by the kernel",
    code: "FAN.OK",
    outcome: "passed",
    files: {
      "/sys/class/hwmon/hwmon2/fan1_input": "1480\n",
      "/sys/class/hwmon/hwmon2/name": "nct6775\n",
      "/sys/class/hwmon/hwmon2/fan1_alarm": "0\n",
    },
    dirs: { "/sys/class/hwmon": ["hwmon2"] },
    values: { count: "1" },
  },
  {
    name: "a fan that stands",
    code: "FAN.LOST",
    outcome: "failed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Fan$/,
        "FAN1             | 41h | ok  | 29.1 | 5880 RPM\nFAN2             | 42h | nr  | 29.2 | 0 RPM\nFANA             | 43h | cr  | 29.3 | 300 RPM\n",
      ],
    ],
    values: { fans: "FAN2 0 RPM, FANA 300 RPM" },
  },
];

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("an empty list");
  return first;
}
