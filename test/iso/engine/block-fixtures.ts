import { type Recording, recording } from "../../../core/node/fixture.ts";
import { lsblkArgs } from "../../../iso/engine/probe/block-devices.ts";

/** A device as lsblk prints it, in the form of util-linux 2.41. */
export type LsblkNode = { name: string; children?: LsblkNode[] } & Record<string, unknown>;

export function device(
  name: string,
  size: number,
  more: Record<string, unknown> = {},
  children: LsblkNode[] = [],
): LsblkNode {
  const { type = "part", ...rest } = more;
  return {
    name,
    path: `/dev/${name}`,
    type,
    size,
    "log-sec": 512,
    model: null,
    serial: null,
    tran: null,
    rota: false,
    rm: false,
    ro: false,
    fstype: null,
    label: null,
    uuid: null,
    pttype: null,
    mountpoints: [null],
    ...rest,
    ...(children.length > 0 ? { children } : {}),
  };
}

export function disk(
  name: string,
  size: number,
  more: Record<string, unknown> = {},
  children: LsblkNode[] = [],
): LsblkNode {
  return device(name, size, { type: "disk", ...more }, children);
}

type Commands = Recording["commands"];

function printed(json: unknown): Commands[string] {
  return { code: 0, stdout: "", stderr: "", delayMs: 0, json };
}

export const empty: Commands[string] = { code: 0, stdout: "", stderr: "", delayMs: 0 };
export const hangs: Commands[string] = { error: "timeout" };

/** What `wipefs --json --no-act` prints. */
export function signatures(...types: string[]): Commands[string] {
  return printed({ signatures: types.map((type) => ({ device: "x", offset: "0x0", type, uuid: null, label: null })) });
}

export function looked(system: string | null, usedBytes: number | null): Commands[string] {
  return printed({ system, usedBytes });
}

export function groups(rows: Record<string, string>): Commands[string] {
  return printed({ report: [{ pv: Object.entries(rows).map(([pv_name, vg_name]) => ({ pv_name, vg_name })) }] });
}

export const healthySmart = printed({
  smartctl: { version: [7, 4], exit_status: 0 },
  smart_status: { passed: true },
  nvme_smart_health_information_log: { critical_warning: 0, percentage_used: 3, media_errors: 0 },
});

/** A recorded machine with these devices; `medium` is what the medium's mount point lies on. */
export function machineWith(
  blockdevices: LsblkNode[],
  medium: string | null,
  commands: Commands = {},
  links: Record<string, string> = {},
): Recording {
  return recording.parse({
    now: Date.UTC(2026, 5, 1),
    files: {
      "/proc/cpuinfo":
        "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx lm\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\n",
      "/proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1 kB\n",
      "/sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
      "/sys/class/net/eno1/speed": "10000\n",
    },
    links: {
      "/sys/class/net/eno1": "../../devices/pci0000:00/0000:00:1f.6/net/eno1",
      "/sys/class/net/eno1/device/driver": "../../../bus/pci/drivers/i40e",
      "/sys/class/net/docker0": "../../devices/virtual/net/docker0",
      ...links,
    },
    dirs: { "/dev": ["kvm", "null"] },
    commands: {
      [`lsblk ${lsblkArgs.join(" ")}`]: printed({ blockdevices }),
      "findmnt --json --output SOURCE --mountpoint /medium":
        medium === null ? { code: 1 } : printed({ filesystems: [{ source: medium }] }),
      "ip -j -d -s addr show": printed([
        { ifname: "lo", flags: ["UP"], mtu: 65536, link_type: "loopback", addr_info: [] },
        {
          ifname: "eno1",
          flags: ["BROADCAST", "UP", "LOWER_UP"],
          mtu: 1500,
          link_type: "ether",
          address: "52:54:00:12:34:56",
          addr_info: [
            { family: "inet", local: "192.0.2.7", prefixlen: 24, scope: "global" },
            { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
          ],
        },
        {
          ifname: "docker0",
          flags: ["UP"],
          mtu: 1500,
          link_type: "ether",
          address: "02:42:00:00:00:01",
          linkinfo: { info_kind: "bridge" },
          addr_info: [],
        },
      ]),
      ...commands,
    },
  });
}
